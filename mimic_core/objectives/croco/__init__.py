"""CroCo (Weinzaepfel et al., 2022), MIMIC's and NAVER's."""

LABEL = "CroCo"
