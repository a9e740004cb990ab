"""The process of an instance."""
