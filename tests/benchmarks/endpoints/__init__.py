"""The serving container and MLflow's own server, under the same load."""
