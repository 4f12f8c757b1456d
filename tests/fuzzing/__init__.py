"""Damaged files for every reader of foreign bytes: each must be read, or refused in words, within memory and time.

PYTHONPATH=tests python -m fuzzing --seconds 600 [--only NAME ...] [--start SEED]
"""
