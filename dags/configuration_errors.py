"""Reasons why a DAG is missing, as an import error of their own on Airflow's page.

Airflow runs no DAG of a file that has an import error. So the files that make DAGs leave out the
specs that do not load, and this one, which makes none, says why.
"""

import os

from expectations.contract import ProblemsError, refuse_any
from pipelines.config import load_catalogue
from pipelines.config.installation import read_notifiers

problems = list(load_catalogue().broken.values())
try:
    read_notifiers(os.environ)
except ProblemsError as error:
    problems += error.problems
refuse_any("the specs and settings of this installation", problems)
