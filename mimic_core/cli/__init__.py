"""The command ``mimic``."""
