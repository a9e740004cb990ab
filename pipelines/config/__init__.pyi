from .addresses import LONGEST_NAME, expand_address, explain_unreadable, shorten
from .columns import PROBABILITY, SCORE, model_kinds, request_kinds, table_columns
from .cross_checks import explain
from .installed_specs import APPROVAL_RULES, approval_rules, load_catalogue, load_registered
from .overrides import FEATURES_ADDED, SECTIONS, is_changed
from .plain_text import LIMITS, find_problem, one_line, plain_lines, refuse_unplain
from .references import (
    PROMOTED,
    ROLLED_BACK,
    DeploymentOutcome,
    EndpointReference,
    ModelVersion,
    RunReference,
    Snapshot,
    StudyReference,
    TableVersion,
    read_optional,
    version_name,
    write_optional,
)
from .spec import EXAMPLES, ApprovalPolicy, ModelSpec, find_spec, list_specs, load_spec
from .table import LEFT, RIGHT, Column, format_table

__all__ = [
    "APPROVAL_RULES",
    "EXAMPLES",
    "FEATURES_ADDED",
    "LEFT",
    "LIMITS",
    "LONGEST_NAME",
    "PROBABILITY",
    "PROMOTED",
    "RIGHT",
    "ROLLED_BACK",
    "SCORE",
    "SECTIONS",
    "ApprovalPolicy",
    "Column",
    "DeploymentOutcome",
    "EndpointReference",
    "ModelSpec",
    "ModelVersion",
    "RunReference",
    "Snapshot",
    "StudyReference",
    "TableVersion",
    "approval_rules",
    "expand_address",
    "explain",
    "explain_unreadable",
    "find_problem",
    "find_spec",
    "format_table",
    "is_changed",
    "list_specs",
    "load_catalogue",
    "load_registered",
    "load_spec",
    "model_kinds",
    "one_line",
    "plain_lines",
    "read_optional",
    "refuse_unplain",
    "request_kinds",
    "shorten",
    "table_columns",
    "version_name",
    "write_optional",
]
