"""CroCo (Weinzaepfel et al., 2022), in MIMIC's and NAVER's versions."""

LABEL = "CroCo"
