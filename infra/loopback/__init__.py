"""The check of Host and Origin that every server of this machine makes before it answers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
