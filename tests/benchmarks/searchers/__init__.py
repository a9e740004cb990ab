"""Searches for parameters that `detection` compares: each a process, on the same arrays."""
