from .job import Application, Job
from .runs import run_job

__all__ = [
    "Application",
    "Job",
    "run_job",
]
