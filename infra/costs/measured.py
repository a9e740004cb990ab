"""What a transaction takes, as this project's own benchmarks measured it on two cores.

Each constant names its source; a test compares those of the committed results. Everything grows in
proportion to rows up to 20 million rows, the largest size measured; beyond that it is an
extrapolation.
"""

# tests/benchmarks/results/features.csv: the slope between 5 and 20 million rows of `table` is
# 3.37 s, what is left at no rows 9.0 s; the spec `handbook`, 59 features, takes 44.1 s for
# 1,754,155 rows, so 20.0 s a million, on two cores.
FEATURE_CORE_SECONDS = 39.9  # a million rows read
# tests/benchmarks/results/training.csv: 598 s for 6 trials and 616 s for a model of 5 members, on
# 1,389,650 rows, 60 columns and two cores.
TRIAL_CORE_SECONDS = 143.4  # a million rows, one trial
FIT_CORE_SECONDS = 886.6  # a million rows
# The same file: 811 MiB beyond the imports for a matrix of 318 MiB, which has 240 bytes a row.
TRAINING_BYTES = 612  # a row
# tests/benchmarks/results/serving.csv: what one request takes of a core.
REQUEST_CORE_SECONDS = 65.66e-6

# The lake of the spec `handbook`: bytes of Parquet over rows.
TRANSACTION_BYTES, LABEL_BYTES, FEATURE_BYTES, TRAINING_SET_BYTES = 23, 14, 92, 118
# The spec `demo`, 24 features: a captured request with its reply.
CAPTURED_BYTES = 1_662
