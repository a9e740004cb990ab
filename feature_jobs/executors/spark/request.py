"""Request for a build of features, as a message to a session here or in a job elsewhere.

Its name is the digest of what it asks for, with the number of the computation. So whoever
asks again finds the job that was started, and an archive of another number is refused.
"""

import hashlib
from collections.abc import Sequence

from pyspark.sql import SparkSession

from expectations.contract import AttributeKind, FrozenModel, InputError
from feature_jobs.declaration import FeatureSet
from feature_jobs.engine_version import ENGINE_VERSION
from feature_jobs.executors.spark.job import build_features
from feature_jobs.io import DataFile
from feature_jobs.stages import Day


class Build(FrozenModel):
    """Days that are computed together.

    Attributes:
        days: those to write and, not wanted, those of the lookback.
        labels: Parquet files of the pinned labels.
        compute: names of the features to compute; None for all.
    """

    days: tuple[Day, ...]
    labels: tuple[str, ...]
    compute: tuple[str, ...] | None = None


class Request(FrozenModel):
    """All builds that one step asks for.

    Attributes:
        target: address of the folder that receives the parts.
        engine: number of the computation that has to partial it out.
    """

    builds: tuple[Build, ...]
    features: FeatureSet
    entities: tuple[str, ...]
    attributes: dict[str, AttributeKind]
    target: str
    engine: int

    @property
    def digest(self) -> str:
        """SHA-256 of the whole request."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class Answer(FrozenModel):
    """Result of a request: the parts, or why there are none.

    Attributes:
        is_refused: True if the problem is the request's, so that asking again is no use.
    """

    parts: tuple[DataFile, ...] = ()
    problem: str = ""
    is_refused: bool = False


def fulfil(session: SparkSession, request: Request) -> Sequence[DataFile]:
    """Carry out every build of a request.

    Raises:
        InputError: when another version of the code is asked for, or by the job itself.
    """
    if request.engine != ENGINE_VERSION:
        raise InputError(
            f"The request asks for version {request.engine} of the engine and this is "
            f'{ENGINE_VERSION}. Run "make dist" and put dist/environment.tar.gz where '
            "OVERNIGHT_SPARK_ARCHIVE points."
        )
    parts: list[DataFile] = []
    for build in request.builds:
        parts += build_features(
            session,
            days=build.days,
            labels=build.labels,
            features=request.features,
            entities=request.entities,
            attributes=request.attributes,
            target=request.target,
            compute=build.compute,
        )
    return parts
