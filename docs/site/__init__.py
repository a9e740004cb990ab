"""Hooks of `make docs`: generated tables, pictures, pages of the folders."""
