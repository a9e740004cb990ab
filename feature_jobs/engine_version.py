"""Version of the computation: it decides which features have to be computed again.

Source bytes do not: a changed comment changes no feature. `test_engine_version.py` fails when
values change and the number does not.
"""

# Raise it when the value of any feature changes, or the form of a build request.
ENGINE_VERSION = 2
