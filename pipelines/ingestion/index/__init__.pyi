from .id_index import Hits, IdIndex
from .repeated_ids import DeliveredIds, Survey, days_since_1970

__all__ = ["DeliveredIds", "Hits", "IdIndex", "Survey", "days_since_1970"]
