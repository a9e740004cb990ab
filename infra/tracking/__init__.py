"""The MLflow server with people in it: who may move which alias."""
