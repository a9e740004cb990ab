"""MLflow: runs, the registry and logged models. The only code that knows it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
