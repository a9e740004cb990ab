"""What runs: one module per step, the spec, the settings, the lake, the command line."""
