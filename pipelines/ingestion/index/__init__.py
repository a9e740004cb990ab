"""The id index: which days of a table hold a transaction id, without loading history."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
