"""LightGBM's single-row fast predictor, called through its C library.

The Python package of LightGBM imports scipy, pandas and scikit-learn where they exist (3 s) and
checks its input at every call; the C call takes 15 us a row and gives the same bits.
"""

import ctypes
import functools
import importlib.util
from pathlib import Path

from infra.serving.bundle import BundleError

FLOAT32 = 0
PREDICT_NORMAL = 0
ALL_ITERATIONS = -1
Row = list[float]

PARAMETERS = b"num_threads=1 verbosity=-1"


class Booster:
    """A model and the one row buffer that it predicts from; for one thread."""

    def __init__(self, model: Path) -> None:
        self._library = _load_library()
        self._handle = ctypes.c_void_p()
        iterations = ctypes.c_int()
        self._call(
            "LGBM_BoosterCreateFromModelfile",
            str(model).encode(),
            ctypes.byref(iterations),
            ctypes.byref(self._handle),
        )
        self.width = self._ask("LGBM_BoosterGetNumFeature")
        if self._ask("LGBM_BoosterGetNumClasses") != 1:
            raise BundleError(f"{model} has several classes; a bundle holds a binary model.")
        self._row = (ctypes.c_float * self.width)()
        self._length = ctypes.c_int64()
        self._result = ctypes.c_double()
        self._fast = self._open_fast_predictor()
        self._predict = self._library.LGBM_BoosterPredictForMatSingleRowFast
        self._arguments = (
            self._fast,
            ctypes.cast(self._row, ctypes.c_void_p),
            ctypes.byref(self._length),
            ctypes.byref(self._result),
        )

    def predict(self, row: Row) -> float:
        """The raw score of one row, the same bits as `lightgbm.Booster.predict` gives.

        Numbers are rounded to 32 bits, as training rounds them.

        Args:
            row: one number per feature, in the model's order; NaN is a missing value.
        """
        self._row[:] = row  # type: ignore[assignment]
        if self._predict(*self._arguments) != 0:
            raise RuntimeError(f"LightGBM: {_last_error(self._library)}")
        return self._result.value

    def _open_fast_predictor(self) -> ctypes.c_void_p:
        fast = ctypes.c_void_p()
        self._call(
            "LGBM_BoosterPredictForMatSingleRowFastInit",
            self._handle,
            ctypes.c_int(PREDICT_NORMAL),
            ctypes.c_int(0),
            ctypes.c_int(ALL_ITERATIONS),
            ctypes.c_int(FLOAT32),
            ctypes.c_int32(self.width),
            PARAMETERS,
            ctypes.byref(fast),
        )
        return fast

    def _ask(self, function: str) -> int:
        answer = ctypes.c_int()
        self._call(function, self._handle, ctypes.byref(answer))
        return answer.value

    def _call(self, function: str, *arguments: object) -> None:
        if getattr(self._library, function)(*arguments) != 0:
            raise BundleError(f"LightGBM refuses the model: {_last_error(self._library)}")


@functools.cache
def _load_library() -> ctypes.CDLL:
    """Open the library inside the installed package, without importing the package."""
    package = importlib.util.find_spec("lightgbm")
    if package is None or package.origin is None:
        raise BundleError("lightgbm is not installed; the container needs it to score.")
    folder = Path(package.origin).parent / "lib"
    library = ctypes.CDLL(str(next(folder.glob("lib_lightgbm.*"))))
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    return library


def _last_error(library: ctypes.CDLL) -> str:
    return str(library.LGBM_GetLastError().decode(errors="replace"))
