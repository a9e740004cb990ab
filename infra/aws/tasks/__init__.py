"""The scheduler and the roles of its tasks."""
