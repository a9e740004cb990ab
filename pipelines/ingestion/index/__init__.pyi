from .id_hash import hash_ids
from .id_index import Hits, IdIndex
from .repeated_ids import DeliveredIds, IdEntries, Survey, days_since_1970

__all__ = ["DeliveredIds", "Hits", "IdEntries", "IdIndex", "Survey", "days_since_1970", "hash_ids"]
