from .clock_checks import refuse_wrong_clock
from .delivery import judge_rows
from .filing import LABELS, TRANSACTIONS, file_delivery
from .ingest import ingest_source, refuse_wrong_own
from .labels import match_ids
from .manifest import MANIFEST, Compared, Entry, Manifest, SourceFile, hash_file
from .quarantine import QUARANTINE, rule_counts, show_quarantine
from .quarantine_replay import replay_quarantine
from .source import TIMESTAMP, Delivery, inspect_columns, load_delivery, name_of, only_known

__all__ = [
    "LABELS",
    "MANIFEST",
    "QUARANTINE",
    "TIMESTAMP",
    "TRANSACTIONS",
    "Compared",
    "Delivery",
    "Entry",
    "Manifest",
    "SourceFile",
    "file_delivery",
    "hash_file",
    "ingest_source",
    "inspect_columns",
    "judge_rows",
    "load_delivery",
    "match_ids",
    "name_of",
    "only_known",
    "refuse_wrong_clock",
    "refuse_wrong_own",
    "replay_quarantine",
    "rule_counts",
    "show_quarantine",
]
