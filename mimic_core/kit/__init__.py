"""What every room uses: errors, files, tables, receipts, progress, seeds, settings and the frame of a program.

Each module is a tool of its own and imported by its name. None imports another room but :mod:`mimic_core.foreign`.
"""
