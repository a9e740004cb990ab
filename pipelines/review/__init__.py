"""Registration, decisions of reviewers, and the comparison of aliases with what was decided."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
