import tests.quiet  # noqa: F401 -- for its effect
