"""MAE (He et al., 2022)."""

LABEL = "MAE"
