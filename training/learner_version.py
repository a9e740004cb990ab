"""The number of the learning procedure: it decides which studies and runs may be used again.

`tests/training/test_learner_version.py` fails when scores change and the number does not.
"""

# Raise it when equal rows and an equal policy give another trial, model, calibration or threshold.
LEARNER_VERSION = 1
