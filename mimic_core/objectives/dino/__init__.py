"""DINO (Caron et al., 2021)."""
