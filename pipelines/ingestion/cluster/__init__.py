"""An ingestion divided among Spark's workers: files to read, days to merge."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
