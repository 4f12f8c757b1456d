"""Tools that every room uses: errors, files, tables, receipts, progress, seeds, settings and program entry points.

Import each module by its name. None imports a room other than :mod:`mimic_core.foreign`.
"""
