"""Imports Great Expectations once with its own warnings let pass; ours are errors."""

import warnings

from expectations.run import quiet_great_expectations

quiet_great_expectations()
with warnings.catch_warnings():
    # Its first import reaches for deprecated modules; what we call afterwards is not exempt.
    # To go when `python -W error -c "import great_expectations"` passes.
    warnings.simplefilter("ignore")
    import great_expectations  # noqa: F401 -- for its effect
