"""The logged model of a run, for MLflow's pages and registry: one a run, also after a kill.

MLflow's own `log_model` creates another model each time, and cannot continue an unfinished one.
"""

import tempfile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pyarrow as pa
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

WHOLE: Final = "READY"


def log_booster(client: "MlflowClient", run: str, booster: object, *, example: "pa.Table") -> str:
    """Log a booster as the one model of a run, with its signature; returns the model's id.

    Args:
        client: of the tracking server.
        run: its id.
        booster: LightGBM's.
        example: rows that it reads.
    """
    import mlflow
    from mlflow.models import Model, infer_signature

    begun = _begin(client, run)
    if begun.status == WHOLE:
        return str(begun.model_id)
    frame = example.to_pandas()
    described = Model(
        begun.artifact_location, run, model_uuid=begun.model_id, model_id=begun.model_id
    )
    with tempfile.TemporaryDirectory() as scratch:
        mlflow.lightgbm.save_model(
            booster,
            f"{scratch}/model",
            mlflow_model=described,
            signature=infer_signature(frame, booster.predict(example)),  # type: ignore[attr-defined]
            input_example=frame,
            pip_requirements=["lightgbm", "numpy", "pandas"],
        )
        client.log_model_artifacts(begun.model_id, f"{scratch}/model")
    client.finalize_logged_model(begun.model_id, WHOLE)
    return str(begun.model_id)


def _begin(client: "MlflowClient", run: str) -> "LoggedModel":
    """Create the model of a run, or find it; link it with the run, its parameters and metrics."""
    from mlflow.entities import LoggedModelOutput

    current = client.get_run(run)
    experiment = current.info.experiment_id
    found = client.search_logged_models([experiment], f"source_run_id = '{run}'")
    begun = found[0] if found else client.create_logged_model(
        experiment, name="model", source_run_id=run, params=current.data.params
    )  # fmt: skip
    linked = [] if current.outputs is None else current.outputs.model_outputs
    if begun.model_id not in {each.model_id for each in linked}:
        client.log_outputs(run, [LoggedModelOutput(begun.model_id, step=0)])
    measured = {metric.key for metric in begun.metrics or []}
    for key in current.data.metrics.keys() - measured:
        for each in client.get_metric_history(run, key):
            # With the same time and step, so that the run's own metric is not logged twice.
            client.log_metric(
                run, key, each.value, each.timestamp, each.step, model_id=begun.model_id
            )
    return begun
