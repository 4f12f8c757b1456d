"""DINO (Caron et al., 2021)."""

LABEL = "DINO"
