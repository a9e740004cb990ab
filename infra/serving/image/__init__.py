"""The serving image: its build, its content, and reading it from an archive."""
