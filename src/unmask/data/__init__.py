"""Data sets: tables of samples, splits, duplicates."""
