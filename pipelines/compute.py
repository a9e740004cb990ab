"""Where features are computed, read from the environment: a Spark session, or an application."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from expectations.contract import refuse_any
from infra.emr.job import Application

ADDRESS = "OVERNIGHT_SPARK"
SUBMITTED = "emr-serverless://"
NUMBERS = ("vcpus", "memory_gb", "max_executors", "max_minutes")


@dataclass(frozen=True, slots=True)
class Session:
    """A Spark session of this process.

    Attributes:
        master: `local[*]`, `spark://host:port`, or another master of Spark.
        archive: path or http URL of the Python environment that the cluster's workers unpack;
            None: they have this one under the same path.
    """

    master: str
    archive: str | None = None


Compute = Session | Application


def read_compute(environment: Mapping[str, str]) -> Compute:
    """Where `OVERNIGHT_SPARK` points, with what its further variables say.

    Raises:
        ProblemsError: naming every variable that is missing or unusable.
    """
    address = environment.get(ADDRESS, "local[*]")
    archive = environment.get(f"{ADDRESS}_ARCHIVE")
    if not address.startswith(SUBMITTED):
        problems = []
        if archive is not None and archive.startswith("s3://"):
            problems.append(
                f"{ADDRESS}_ARCHIVE: {archive!r} is read by Spark itself, which has no S3 here; "
                "give a path or an http URL"
            )
        refuse_any("the environment", problems)
        return Session(address, archive)
    texts = {
        field.name: environment.get(f"{ADDRESS}_{field.name.upper()}", "")
        for field in fields(Application)
        if field.name != "id"
    }
    wrong = [name for name in NUMBERS if texts[name] and not texts[name].isdecimal()]
    sizes = {n: int(texts[n]) for n in NUMBERS if texts[n] and n not in wrong}
    application = Application(
        address.removeprefix(SUBMITTED), texts["role"], texts["archive"], **sizes
    )
    problems = [f"{ADDRESS}_{n.upper()}: {texts[n]!r} is not a whole number" for n in wrong]
    for problem in application.problems():
        name, _, what = problem.partition(": ")
        variable = ADDRESS if name == "application" else f"{ADDRESS}_{name.upper()}"
        problems.append(f"{variable}: {what}")
    refuse_any("the environment", problems)
    return application
