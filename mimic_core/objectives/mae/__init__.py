"""MAE (He et al., 2022)."""
