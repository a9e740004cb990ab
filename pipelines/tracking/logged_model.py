"""The model of a run, for MLflow's own pages and registry: one a run, however often it was killed.

MLflow's own `log_model` begins another one each time, and cannot go on with one that was cut off.
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
    """The model of a run, linked with it, and with its parameters and metrics."""
    from mlflow.entities import LoggedModelOutput

    held = client.get_run(run)
    experiment = held.info.experiment_id
    found = client.search_logged_models([experiment], f"source_run_id = '{run}'")
    begun = found[0] if found else client.create_logged_model(
        experiment, name="model", source_run_id=run, params=held.data.params
    )  # fmt: skip
    linked = [] if held.outputs is None else held.outputs.model_outputs
    if begun.model_id not in {each.model_id for each in linked}:
        client.log_outputs(run, [LoggedModelOutput(begun.model_id, step=0)])
    measured = {metric.key for metric in begun.metrics or []}
    for key in held.data.metrics.keys() - measured:
        for each in client.get_metric_history(run, key):
            # Of the same time and step: the run's own stays one.
            client.log_metric(
                run, key, each.value, each.timestamp, each.step, model_id=begun.model_id
            )
    return begun
