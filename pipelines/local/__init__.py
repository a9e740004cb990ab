"""Commands of one machine: `demo`, `up`, `doctor`, and `new`, which drafts a spec."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
