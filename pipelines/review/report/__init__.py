"""The review report: one page for a person who has ten minutes to decide on a candidate."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
