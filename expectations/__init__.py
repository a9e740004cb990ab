"""The data contract, the row rules, and the Great Expectations suites made from it."""
