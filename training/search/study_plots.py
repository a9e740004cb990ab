"""Optuna's own pictures of a study, and its trials as a table."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib as mpl
import optuna
from optuna.trial import TrialState

from training.search.study import POINT_KEY, finished, open_study, value_of

MAX_TRIALS = 20


def draw_study(folder: Path, url: str, name: str) -> None:
    """Draw history, importances, slices and parallel coordinates into a folder.

    Importances and parallel coordinates compare trials, so they need two that finished.
    """
    mpl.use("Agg")
    from optuna.visualization import matplotlib as pictures

    folder.mkdir(parents=True, exist_ok=True)
    # Optuna draws in a style of its own, which would stay for whoever draws next.
    with open_study(url, name) as study, warnings.catch_warnings(), mpl.rc_context():
        # Optuna calls its Matplotlib pictures experimental; they are drawn for people only.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        warnings.simplefilter("ignore", UserWarning)
        drawn: dict[str, Callable[[optuna.Study], object]] = {
            "history": pictures.plot_optimization_history,
            "slice": pictures.plot_slice,
        }
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len({trial.value for trial in complete}) > 1:
            drawn["importance"] = pictures.plot_param_importances
            drawn["parallel_coordinate"] = pictures.plot_parallel_coordinate
        for stem, draw in drawn.items():
            draw(study)
            _save(folder / f"{stem}.png")


def best_trials(url: str, name: str) -> list[tuple[int, float, Mapping[str, object]]]:
    """Number, value and point of the trials with the highest values, at most 20."""
    with open_study(url, name) as study:
        complete = [t for t in finished(study) if t.state == TrialState.COMPLETE]
        ranked = sorted(complete, key=lambda trial: (-value_of(trial), trial.number))
        return [
            (trial.number, value_of(trial), dict(trial.user_attrs[POINT_KEY]))
            for trial in ranked[:MAX_TRIALS]
        ]


def _save(path: Path) -> None:
    from matplotlib import pyplot as plt

    figure = plt.gcf()
    figure.set_size_inches(10, 6)
    figure.savefig(path, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
