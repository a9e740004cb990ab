"""The steps of the platform, the spec, the settings, the lake and the command line."""
