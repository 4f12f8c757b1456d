"""MIMIC: mine multi-view image pairs, pretrain on them, and measure what they are worth."""

__version__ = "0.1.0"
