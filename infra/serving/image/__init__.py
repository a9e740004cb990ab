"""The serving image: how it is built, what it holds, and how it is read."""
