"""Packaging: the Python environment of Spark's workers as one archive."""
