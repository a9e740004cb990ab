"""Filing of deliveries: every version of a row merged into the lake, day by day."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
