"""What the tables of a source have in common: how values are written, and joined tables."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
