"""The HTTP server of the container: workers, connections, health."""
