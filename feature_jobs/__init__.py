"""Spark: what features are, and how they are computed point-in-time."""
