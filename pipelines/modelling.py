"""The three modelling steps: tune, train, evaluate; each pinned by a digest of its inputs.

The digest names the study and the run, so a rerun finds what is finished and goes on with what
was cut off.
"""
