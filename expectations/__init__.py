"""The data contract, the row rules, and the Great Expectations suites made from it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
