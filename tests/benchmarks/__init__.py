"""Times the feature engine against its peers and against its own limit."""
