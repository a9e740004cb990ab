from .clock_checks import refuse_wrong_clock
from .delivery import judge_rows, merge_delivery
from .filing import LABELS, TRANSACTIONS, match_ids
from .index import IdIndex
from .ingest import ingest_delivery, ingest_source, refuse_wrong_own
from .manifest import MANIFEST, Compared, Entry, Manifest, hash_file
from .quarantine import QUARANTINE, refuse_too_many, rule_counts, show_quarantine
from .quarantine_replay import replay_quarantine
from .readers import NO_DAY, TIMESTAMP, SourceFile, name_of, only_known, with_day
from .repair import repair_tables
from .whole_delivery import DeliverySurvey, survey_delivery

__all__ = [
    "LABELS",
    "MANIFEST",
    "NO_DAY",
    "QUARANTINE",
    "TIMESTAMP",
    "TRANSACTIONS",
    "Compared",
    "DeliverySurvey",
    "Entry",
    "IdIndex",
    "Manifest",
    "SourceFile",
    "hash_file",
    "ingest_delivery",
    "ingest_source",
    "judge_rows",
    "match_ids",
    "merge_delivery",
    "name_of",
    "only_known",
    "refuse_too_many",
    "refuse_wrong_clock",
    "refuse_wrong_own",
    "repair_tables",
    "replay_quarantine",
    "rule_counts",
    "show_quarantine",
    "survey_delivery",
    "with_day",
]
