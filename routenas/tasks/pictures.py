"""Labelled pictures of any source, checked and in one array that all processes of a machine map into memory."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError
from placement_data.files import atomic_folder, sha256, write_text
from routenas.tasks.picture_files import PARTS, TRAIN, Form, Raw, files_of, read

BUILT_IN = ("digits",)
"""Data by name: the handwritten digits of scikit-learn, 1,797 pictures of 8 x 8 (a folder of that name is ./digits)."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Labelled pictures, part behind part: ``pixels`` (n, rows, columns, channels) uint8 or float32, ``labels`` (n,).

    ``parts`` says how many pictures of each part the data give; ``sha256`` is the digest of the files they came from.
    """

    pixels: NDArray[Any]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    parts: Mapping[str, int]
    sha256: str

    @classmethod
    def of(cls, data: str, form: Form) -> Pictures:
        """Those at a path, or of a name of `BUILT_IN`; the same for all of a process that ask while somebody has them.

        What was decoded is kept in `cache`, so that it is decoded once, and mapped into memory from there.
        Raises InputError for data that cannot be read, or not be learnt from.
        """
        path = Path(data)
        key = data if data in BUILT_IN else _key(path, form)
        found = _OPEN.get(key)
        if found is None:
            found = _digits() if data in BUILT_IN else _kept(key) or _made(path, form, key)
            _OPEN[key] = found
        return found


_OPEN: WeakValueDictionary[str, Pictures] = WeakValueDictionary()


def _digits() -> Pictures:
    from sklearn.datasets import load_digits

    found = load_digits()
    raw = Raw(found.images.astype(np.uint8), found.target)
    digest = hashlib.sha256(raw.pixels.tobytes() + raw.pixels.dtype.str.encode()).hexdigest()
    return _checked({TRAIN: raw}, digest)


# ------------------------------------------------------------------------- cache


def cache() -> Path:
    """Where decoded pictures are kept: ``$XDG_CACHE_HOME/routenas/pictures`` (``~/.cache``). It may be deleted."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "routenas" / "pictures"


def _key(path: Path, form: Form) -> str:
    """What tells data apart without reading them: place, sizes and times of all files, and what is made of them."""
    told = [str(path.absolute()), repr(form)]
    for file in files_of(path):
        state = file.stat()
        told.append(f"{file.absolute()} {state.st_size} {state.st_mtime_ns}")
    return hashlib.sha256("\n".join(told).encode(errors="surrogateescape")).hexdigest()


def _kept(key: str) -> Pictures | None:
    """The pictures of an entry of the cache, mapped into memory; None where there is none that can be read."""
    folder = cache() / key
    try:
        told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
        pixels = np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False)
        labels = np.load(folder / "labels.npy", allow_pickle=False)
        return Pictures(pixels, labels, tuple(told["classes"]), dict(told["parts"]), str(told["sha256"]))
    except (OSError, ValueError, LookupError, TypeError, EOFError):
        return None


def _made(path: Path, form: Form, key: str) -> Pictures:
    """Read pictures and keep them; where the cache cannot be written they stay in this process."""
    try:
        made = _checked(read(path, form), _digest(path))
    except InputError as error:
        raise error.inside(path) from None
    try:
        with atomic_folder(cache() / key) as folder:
            np.save(folder / "pixels.npy", made.pixels)
            np.save(folder / "labels.npy", made.labels)
            told = {"classes": made.classes, "parts": made.parts, "sha256": made.sha256}
            write_text(folder / "told.json", json.dumps(told))
    except InputError:
        return made
    return _kept(key) or made


def _digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and digests of all files in a folder."""
    if path.is_file():
        return sha256(path)
    told = [f"{file.relative_to(path)} {sha256(file)}\n" for file in files_of(path)]
    return hashlib.sha256("".join(told).encode(errors="surrogateescape")).hexdigest()


# ------------------------------------------------------------------------ checks


def pixels_of(raw: Raw, what: str) -> NDArray[Any]:
    """Pixels (n, rows, columns, channels), uint8 as they are and any other numbers as float32.

    ``what`` names the pictures in messages. Raises InputError for anything but pictures of finite numbers.
    """
    pixels = raw.pixels
    if pixels.dtype.kind not in "uifb" or pixels.ndim not in (3, 4) or 0 in pixels.shape:
        found = f"{pixels.dtype} {pixels.shape}"
        expected = "numbers (pictures, rows, columns) or (pictures, rows, columns, channels)"
        raise InputError(f"the {what} pictures have a wrong shape", found=found, expected=expected)
    pixels = pixels if pixels.dtype == np.uint8 else pixels.astype(np.float32)
    if not np.isfinite(pixels).all():
        raise InputError(f"the {what} pictures hold a value that is no finite number")
    return pixels if pixels.ndim == 4 else pixels[..., None]


def _checked(raws: Mapping[str, Raw], digest: str) -> Pictures:
    """What was read, as one array. Raises InputError for pictures or labels that do not go together."""
    if TRAIN not in raws:
        raise InputError("there is no training part", found=", ".join(raws), expected="one")
    parts = {part: raws[part] for part in PARTS if part in raws}
    pixels = {part: pixels_of(raw, part) for part, raw in parts.items()}
    forms = {part: f"{each.dtype} {'x'.join(map(str, each.shape[1:]))}" for part, each in pixels.items()}
    for part, form in forms.items():
        if form != forms[TRAIN]:
            raise InputError(f"the {part} pictures are of another form", found=form, expected=forms[TRAIN])
    names = parts[TRAIN].classes
    labels = {part: _labels(raw, len(pixels[part]), part) for part, raw in parts.items()}
    classes = names or tuple(str(label) for label in range(int(labels[TRAIN].max()) + 1))
    for part, raw in parts.items():
        if raw.classes != names:
            labels[part] = _renamed(labels[part], raw.classes, classes, part)
        if (high := int(labels[part].max())) >= len(classes):
            what = f"a label of the {part} part is out of range"
            raise InputError(what, found=high, expected=f"0 to {len(classes) - 1}, the classes of the training part")
    counts = np.bincount(labels[TRAIN], minlength=len(classes))
    if not counts.all():
        empty = classes[int(counts.argmin())]
        raise InputError("a class has no picture in the training part", found=empty, expected="one or more of each")
    if len(classes) < 2:
        raise InputError("the labels hold one class", found=classes[0], expected="two or more")
    joined = np.concatenate(list(pixels.values()))
    sizes = {part: len(each) for part, each in pixels.items()}
    return Pictures(joined, np.concatenate(list(labels.values())), classes, sizes, digest)


def _labels(raw: Raw, number: int, part: str) -> NDArray[np.int64]:
    labels = raw.labels
    if labels is None:
        raise InputError(f"the {part} pictures have no labels")
    if labels.shape != (number,):
        expected = f"({number},), one a picture"
        raise InputError(f"the labels of the {part} part have a wrong shape", found=labels.shape, expected=expected)
    whole = labels.astype(np.int64) if labels.dtype.kind in "uif" and np.isfinite(labels).all() else None
    if whole is None or (whole != labels).any():
        expected = "whole numbers from 0"
        raise InputError(f"the labels of the {part} part are no classes", found=str(labels[:1]), expected=expected)
    if whole.min() < 0:
        raise InputError(f"a label of the {part} part is out of range", found=int(whole.min()), expected="0 or more")
    return whole


def _renamed(labels: NDArray[np.int64], own: Sequence[str], classes: Sequence[str], part: str) -> NDArray[np.int64]:
    """Labels of a part with other classes than the training part, as numbers of the latter's."""
    if unknown := sorted(set(own) - set(classes)):
        what = f"a class of the {part} part that the training part has not"
        raise InputError(what, found=unknown[0], expected=" or ".join(classes))
    return np.array([classes.index(name) for name in own], np.int64)[labels] if own else labels
