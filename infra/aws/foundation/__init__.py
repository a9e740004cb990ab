"""Resources that every service of the stack uses."""
