"""LightGBM, Optuna, scikit-learn: folds, tuning, fitting, evaluation, the bundle."""
