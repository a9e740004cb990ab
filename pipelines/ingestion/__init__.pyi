from .clock_checks import refuse_wrong_clock
from .delivery import Delivery, load_delivery
from .ingest import LABELS, TRANSACTIONS, ingest_source, judge_delivery, refuse_wrong_own
from .labels import match_ids
from .quarantine import QUARANTINE, rule_counts, show_quarantine
from .quarantine_replay import replay_quarantine
from .readers import NO_DAY, TIMESTAMP, name_of, only_known, with_day

__all__ = [
    "LABELS",
    "NO_DAY",
    "QUARANTINE",
    "TIMESTAMP",
    "TRANSACTIONS",
    "Delivery",
    "ingest_source",
    "judge_delivery",
    "load_delivery",
    "match_ids",
    "name_of",
    "only_known",
    "refuse_wrong_clock",
    "refuse_wrong_own",
    "replay_quarantine",
    "rule_counts",
    "show_quarantine",
    "with_day",
]
