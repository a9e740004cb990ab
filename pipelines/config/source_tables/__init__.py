"""Tables of a source: the dialect that they share, and checks of joined tables."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
