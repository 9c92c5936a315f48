"""Where tables come from: folders of arrays, and packages whose pickles are read without running code of theirs."""

from __future__ import annotations

import io
import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError, SettingError


def folder_of(name: str, folder: Path | None) -> Path:
    """The folder; InputError where none was given to a table that no package holds."""
    if folder is None:
        raise SettingError(f"{name} comes from a folder of tables only", expected="--tables FOLDER")
    return folder


def arrays_of(folder: Path, name: str) -> dict[str, NDArray[Any]]:
    """All arrays of an ``.npz``; pickled objects are refused."""
    path = folder / name
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except (OSError, ValueError, KeyError, EOFError, AttributeError, BadZipFile) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise InputError("the table cannot be read", file=path, found=reason) from None


def package_folder(module: str, project: str) -> Path:
    """Folder of an installed package, which is not imported."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise InputError(f"this table needs the package {project}", expected="pip install 'routenas[bench]'")
    return Path(spec.origin).parent


class _Plain(pickle.Unpickler):
    """Reads containers and numpy scalars; anything else that a pickle may ask for is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "scalar" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return np.float64(0).__reduce__()[0]
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a table")


def unpickled(path: Path) -> Any:
    """What a pickle of plain values holds; InputError for one that is damaged or asks for anything else."""
    try:
        return _Plain(io.BytesIO(path.read_bytes())).load()
    except (OSError, pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise InputError("the table cannot be read", file=path, found=str(error).partition("\n")[0]) from None
