"""Executors of the stages."""
