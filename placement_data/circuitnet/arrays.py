"""One NumPy file of CircuitNet, read without trust: no pickles, whole, of numbers."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError

SUFFIXES = (".npy", ".npz")


def read_array(path: Path) -> tuple[NDArray[np.float64], str]:
    """The array of a ``.npy`` file, or of a ``.npz`` file with one array (or one named ``data``), and its SHA-256.

    Raises ``InputError`` for what is no array, cut short or pickled, and for values that are no finite numbers.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError("cannot be read", file=path, found=error.strerror or "error") from None
    array = _load(content, path)
    if array.dtype.kind not in "biuf":
        raise InputError("not an array of numbers", file=path, found=str(array.dtype), expected="a real dtype")
    if array.size == 0:
        raise InputError("an empty array", file=path, found=str(array.shape))
    with np.errstate(over="ignore"):  # a long double
        values = array.astype(np.float64)
    if bad := int(np.count_nonzero(~(np.abs(values) <= np.finfo(np.float32).max))):
        raise InputError("values that are not finite", file=path, found=f"{bad} of {values.size}")
    return values, hashlib.sha256(content).hexdigest()


def read_map(path: Path) -> tuple[NDArray[np.float64], str]:
    """A map [x, y] or [x, y, 1] of ``read_array`` as (rows, columns), row 0 at the bottom, and its SHA-256."""
    values, digest = read_array(path)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim != 2:
        raise InputError("not a map", file=path, found=str(values.shape), expected="an array of shape [w, h]")
    return values.T, digest


def _load(content: bytes, path: Path) -> NDArray[np.generic]:
    try:
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            names = list(loaded.files)
            if "data" not in names and len(names) != 1:
                raise InputError("which array is meant is not clear", file=path, found=str(names), expected="'data'")
            return np.asarray(loaded["data" if "data" in names else names[0]])
    except InputError:
        raise
    except Exception as error:  # damaged bytes raise a dozen kinds: of NumPy, zipfile, zlib, ast, tokenize
        what = "cannot be read as a NumPy array without pickled objects"
        raise InputError(what, file=path, found=str(error).partition("\n")[0] or type(error).__name__) from None
