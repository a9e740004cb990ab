"""The MLflow server: users, roles, and a check of every write."""
