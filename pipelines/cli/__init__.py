"""The command line: `overnight`, one sub-command a step, and what sets an installation up."""
