"""Access to one Delta table through delta-rs; nothing else of the code base imports it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
