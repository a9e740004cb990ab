"""LightGBM's single-row fast predictors, called through its C library.

The Python package of LightGBM imports scipy, pandas and scikit-learn where they exist (3 s) and
checks its input at every call; the C call takes 15 us a row and gives the same bits.
"""

import ctypes
import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path

from infra.serving.model.bundle import BundleError
from infra.serving.model.model_text import check_model_text

FLOAT32 = 0
PREDICT_NORMAL, PREDICT_RAW, PREDICT_CONTRIBUTIONS = 0, 1, 3
ALL_ITERATIONS = -1

PARAMETERS = b"num_threads=1 verbosity=-1"


class Booster:
    """A model and its predictors, each with a buffer for its result; for one thread.

    Rows are `Row.numbers`: 32-bit numbers in the model's order, NaN where missing.
    """

    def __init__(self, model: Path) -> None:
        """Load a model from its text.

        Raises:
            BundleError: when the text is none that LightGBM writes, or LightGBM refuses it.
        """
        text = model.read_bytes()
        check_model_text(text)
        self._library = _load_library()
        self._handle = ctypes.c_void_p()
        iterations = ctypes.c_int()
        self._call(
            "LGBM_BoosterLoadModelFromString",
            text,
            ctypes.byref(iterations),
            ctypes.byref(self._handle),
        )
        self.width = self._ask("LGBM_BoosterGetNumFeature")
        if self._ask("LGBM_BoosterGetNumClasses") != 1:
            raise BundleError(f"{model} has several classes; a bundle holds a binary model.")
        self._length = ctypes.c_int64()
        self.predict = self._open_number(PREDICT_NORMAL)
        self.predict_log_odds = self._open_number(PREDICT_RAW)
        self._parts = (ctypes.c_double * (self.width + 1))()
        self._predict_parts = self._open(PREDICT_CONTRIBUTIONS, self._parts)

    def contributions(self, row: bytes) -> list[float]:
        """Each feature's part of the log odds by TreeSHAP (Lundberg et al. 2020), the base last."""
        self._predict_parts(row)
        return list(self._parts)

    def _open_number(self, kind: int) -> Callable[[bytes], float]:
        result = ctypes.c_double()
        predict = self._open(kind, result)

        def predict_number(row: bytes) -> float:
            predict(row)
            return result.value

        return predict_number

    def _open(
        self, kind: int, result: "ctypes.c_double | ctypes.Array[ctypes.c_double]"
    ) -> Callable[[bytes], None]:
        """Return a predictor of one kind that writes into `result`."""
        fast = ctypes.c_void_p()
        self._call(
            "LGBM_BoosterPredictForMatSingleRowFastInit",
            self._handle,
            ctypes.c_int(kind),
            ctypes.c_int(0),
            ctypes.c_int(ALL_ITERATIONS),
            ctypes.c_int(FLOAT32),
            ctypes.c_int32(self.width),
            PARAMETERS,
            ctypes.byref(fast),
        )
        call, library = self._library.LGBM_BoosterPredictForMatSingleRowFast, self._library
        length, out = ctypes.byref(self._length), ctypes.byref(result)

        def predict(row: bytes) -> None:
            if call(fast, row, length, out) != 0:
                raise RuntimeError(f"LightGBM: {_last_error(library)}")

        return predict

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
