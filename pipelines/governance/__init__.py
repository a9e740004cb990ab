"""The decision log: who decided what, when and why, each record with the hash of the one before."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
