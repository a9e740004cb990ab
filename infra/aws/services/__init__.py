"""The services of the stack."""
