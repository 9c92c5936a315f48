"""Readers of labelled pictures: arrays, idx files, a folder of pictures a class, parquet of the Hugging Face form.

Each gives `Raw` for every part that the data tell apart; none is checked here beyond what reading it takes.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError, SettingError

TRAIN, SEARCH, TEST = PARTS = ("train", "search", "test")
KNOWN_PARTS = {"train": TRAIN, "val": SEARCH, "valid": SEARCH, "validation": SEARCH, "test": TEST, "t10k": TEST}
"""What data call their parts."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
MISSING = "pip install 'routenas[vision]'"


@dataclass(frozen=True)
class Raw:
    """Pictures as they were read: ``pixels`` (n, rows, columns) or (n, rows, columns, channels) of any numbers.

    ``labels`` (n,) are None where there are none; ``names`` say where each picture is from, and ``classes`` what the
    labels 0, 1, ... are called: both are empty where the data do not say.
    """

    pixels: NDArray[Any]
    labels: NDArray[Any] | None = None
    names: Sequence[str] = ()
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Encoded:
    """Pictures in files of their own or in a table, for Pillow: where each is (below ``root``), how it is opened."""

    root: Path
    names: Sequence[str]
    openers: Sequence[Callable[[], IO[bytes]]]
    labels: NDArray[Any] | None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Form:
    """What pictures are decoded to: (rows, columns), else as they are; 1 channel or 3, else what the first parts need.

    ``label``: the column of a table that holds the labels, where there are several.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    label: str = ""


def files_of(path: Path) -> list[Path]:
    """The files that pictures at ``path`` are in, sorted. Raises InputError where there are none."""
    try:
        if path.is_dir():
            inside = (each for each in path.rglob("*") if each.is_file())
            found = sorted(each for each in inside if not _is_hidden(each.relative_to(path)))
        else:
            path.stat()
            found = [path]
    except OSError as error:
        raise InputError("no pictures can be read", file=path, found=error.strerror) from None
    if not found:
        raise InputError("no pictures: the folder is empty", file=path)
    return found


def read(path: Path, form: Form = Form()) -> dict[str, Raw]:
    """The pictures at ``path`` by part: `TRAIN` alone where the data tell none apart. Raises InputError."""
    files = files_of(path)
    if any(_idx_parts(file) for file in files):
        return {part: _of_idx(*both) for part, both in _idx_pairs(files).items()}
    if path.suffix == ".npz":
        return _of_npz(path)
    tables = [file for file in files if file.suffix == ".parquet"]
    encoded = _tables(tables, form.label) if tables else _folder(path, files)
    return decoded(encoded, form)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


# ------------------------------------------------------------------------ arrays

_LABELS = {"{}_images": "{}_labels", "x_{}": "y_{}", "X_{}": "y_{}", "{}_x": "{}_y"}
"""How arrays of a part are called: pictures, and their labels."""
_PLAIN_PIXELS, _PLAIN_LABELS = ("images", "x", "X", "data"), ("labels", "y", "target")


def _of_npz(path: Path) -> dict[str, Raw]:
    """Arrays by name: ``x_train``, ``y_train`` (Keras), ``train_images``, ``train_labels`` (MedMNIST), or ``x``, ``y``.

    ``classes`` are names of the classes, where it is there.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            names = {
                part: (form.format(word), _LABELS[form].format(word))
                for word, part in KNOWN_PARTS.items()
                for form in _LABELS
                if form.format(word) in arrays
            }
            if not names:
                plain = [[name for name in known if name in arrays] for known in (_PLAIN_PIXELS, _PLAIN_LABELS)]
                names = {TRAIN: (plain[0][0], (plain[1] or [""])[0])} if plain[0] else {}
            classes = tuple(str(name) for name in arrays["classes"]) if "classes" in arrays else ()
            found = {
                part: Raw(arrays[x], _flat(arrays[y]) if y in arrays else None, (), classes)
                for part, (x, y) in names.items()
            }
            if not found:
                expected = "arrays x_train, y_train, x_test and y_test, or x and y, or images and labels"
                raise InputError("no array of pictures", file=path, found=", ".join(arrays), expected=expected)
    except (OSError, ValueError, EOFError, KeyError, TypeError, zlib.error, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__
        raise InputError("the arrays cannot be read", file=path, found=reason, expected="an .npz file") from None
    return found


def _flat(labels: NDArray[Any]) -> NDArray[Any]:
    """Labels (n, 1) as (n,)."""
    return labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels


# --------------------------------------------------------------------- idx files

_IDX = re.compile(r"(?P<part>.*?)[-_.]?(?P<what>images?|labels?)[-_.]idx(?P<axes>[13])[-_.]ubyte(\.gz)?$")
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def _idx_parts(file: Path) -> tuple[str, str] | None:
    """The part and whether "images" or "labels" a file of this name is; None for another kind of file."""
    match = _IDX.match(file.name)
    if match is None:
        return None
    words = re.split(r"[-_.]", match["part"])
    part = next((KNOWN_PARTS[word] for word in reversed(words) if word in KNOWN_PARTS), TRAIN)
    return part, match["what"].rstrip("s") + "s"


def _idx_pairs(files: Sequence[Path]) -> dict[str, tuple[Path, Path | None]]:
    found: dict[str, dict[str, Path]] = {}
    for file in files:
        if known := _idx_parts(file):
            pair = found.setdefault(known[0], {})
            if known[1] in pair:
                raise InputError("two files of the same pictures or labels", file=file, found=pair[known[1]].name)
            pair[known[1]] = file
    for pair in found.values():
        if "images" not in pair:
            raise InputError("labels without pictures", file=pair["labels"], expected="a file of images beside it")
    return {part: (pair["images"], pair.get("labels")) for part, pair in found.items()}


def _of_idx(images: Path, labels: Path | None) -> Raw:
    return Raw(read_idx(images), None if labels is None else read_idx(labels))


def read_idx(path: Path) -> NDArray[Any]:
    """The array of an idx file, plain or compressed by gzip (the format of the MNIST files). Raises InputError.

    Two zero bytes, the type of a number, the number of axes, the length of each (4 bytes, big-endian), the numbers.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _IDX_TYPES or not 1 <= head[3] <= 4:
                raise InputError("not an idx file", file=path, found=head.hex(), expected="00 00, a type, axes")
            kind, axes = np.dtype(_IDX_TYPES[head[2]]), head[3]
            lengths = file.read(4 * axes)
            if len(lengths) < 4 * axes:
                raise InputError("the idx file ends in its head", file=path)
            shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
            wanted = math.prod(shape) * kind.itemsize
            data = file.read(wanted)
            if len(data) < wanted or file.read(1):
                found, expected = f"{len(data):,} bytes" if len(data) < wanted else "more", f"{wanted:,}"
                raise InputError("the idx file is not as long as it says", file=path, found=found, expected=expected)
    except (OSError, EOFError, OverflowError, MemoryError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError("the idx file cannot be read", file=path, found=reason) from None
    return np.frombuffer(data, kind).reshape(shape).astype(kind.newbyteorder("="), copy=False)


# ------------------------------------------------------------- a folder a class


def _folder(path: Path, files: Sequence[Path]) -> dict[str, Encoded]:
    """Pictures in ``[PART/]CLASS/``, or, without labels, all those in one folder or a single file."""
    pictures = [file for file in files if file.suffix.lower() in SUFFIXES]
    if not pictures:
        expected = "an .npz file, idx files, .parquet files, or a folder of pictures for each class"
        raise InputError("no pictures", file=path, found=files[0].name, expected=expected)
    if path.is_file() or all(file.parent == path for file in pictures):
        return {TRAIN: _labelled(path, pictures, ())}
    if loose := next((file for file in pictures if file.parent == path), None):
        raise InputError("a picture of no class", file=loose, expected="a folder for each class")
    parts = {KNOWN_PARTS.get(name.lower()): path / name for name in _folders(path)}
    if TRAIN not in parts:
        parts = {TRAIN: path}
    elif None in parts:
        raise InputError("neither a part nor a class", file=parts[None], expected=f"{', '.join(KNOWN_PARTS)} alone")
    found = {}
    for part, place in parts.items():
        classes = _folders(place)
        inside = [file for file in pictures if place in file.parents]
        if empty := [name for name in classes if not any(place / name in file.parents for file in inside)]:
            raise InputError("a class without any picture", file=place / empty[0])
        if loose := next((file for file in inside if file.parent == place), None):
            raise InputError("a picture of no class", file=loose, expected="a folder for each class")
        found[str(part)] = _labelled(place, inside, tuple(classes))
    return found


def _folders(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir() if each.is_dir() and not _is_hidden(Path(each.name)))


def _labelled(place: Path, files: Sequence[Path], classes: tuple[str, ...]) -> Encoded:
    root = place if place.is_dir() else place.parent
    names = [str(file.relative_to(root)) for file in files]
    number = {name: label for label, name in enumerate(classes)}
    labels = np.array([number[Path(name).parts[0]] for name in names], np.int64) if classes else None
    return Encoded(root, names, [_opener(file) for file in files], labels, classes)


def _opener(file: Path) -> Callable[[], IO[bytes]]:
    return lambda: open(file, "rb")


# ----------------------------------------------------------------------- parquet


def _tables(files: Sequence[Path], label: str) -> dict[str, Encoded]:
    """Tables with a column of pictures (``bytes``, encoded) and one of labels; a part is told by a file's name."""
    by_part: dict[str, list[Encoded]] = {}
    for file in files:
        word = re.split(r"[-_.]", file.name)[0].lower()
        by_part.setdefault(KNOWN_PARTS.get(word, TRAIN), []).append(_table(file, label))
    return {part: _joined(each) for part, each in by_part.items()}


def _joined(tables: Sequence[Encoded]) -> Encoded:
    if len(tables) == 1:
        return tables[0]
    labels = [table.labels for table in tables if table.labels is not None]
    return Encoded(
        tables[0].root,
        [name for table in tables for name in table.names],
        [opener for table in tables for opener in table.openers],
        np.concatenate(labels) if len(labels) == len(tables) else None,
        tables[0].classes,
    )


def _table(file: Path, label: str) -> Encoded:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise InputError("parquet takes pyarrow", file=file, expected=MISSING) from None
    try:
        table = parquet.read_table(file)
        told = json.loads((table.schema.metadata or {}).get(b"huggingface", b"{}"))
        features: Mapping[str, Any] = told.get("info", {}).get("features", {})
        kinds = {field.name: field.type for field in table.schema}
        pictures = [
            name
            for name, kind in kinds.items()
            if pyarrow.types.is_binary(kind) or (pyarrow.types.is_struct(kind) and kind.get_field_index("bytes") >= 0)
        ]
        column = _label_column(label, {name for name in kinds if name not in pictures}, features, file)
        rows = table.column(pictures[0]).to_pylist() if pictures else []
        labels = np.array(table.column(column).to_pylist()) if column else None
    except (pyarrow.ArrowException, OSError, ValueError, AttributeError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError("the parquet file cannot be read", file=file, found=reason) from None
    if not pictures:
        raise InputError("no column of pictures", file=file, found=", ".join(kinds), expected="one of bytes")
    encoded: list[bytes] = [row["bytes"] if isinstance(row, dict) else row for row in rows]
    if lacking := [number for number, data in enumerate(encoded) if not data]:
        raise InputError("a row without a picture", file=file, found=f"row {lacking[0]}")
    names = [f"{file.name}:{number}" for number in range(len(rows))]
    classes = tuple(str(name) for name in features.get(column, {}).get("names", ())) if column else ()
    if labels is not None and labels.dtype.kind not in "iu":
        raise InputError(f"the labels in column {column} are no whole numbers", file=file, found=str(labels[:1]))
    return Encoded(file.parent, names, [_reader(data) for data in encoded], labels, classes)


def _reader(data: bytes) -> Callable[[], IO[bytes]]:
    return lambda: io.BytesIO(data)


def _label_column(label: str, columns: set[str], features: Mapping[str, Any], file: Path) -> str:
    """The column of labels: the one that is named, else the only one of classes, else "label"; "" for none."""
    if label:
        if label not in columns:
            raise SettingError(f"no such column in {file.name}", found=label, expected=" or ".join(sorted(columns)))
        return label
    classes = [name for name in sorted(columns) if features.get(name, {}).get("_type") == "ClassLabel"]
    if len(classes) > 1:
        raise SettingError(f"several columns of labels in {file.name}", expected=f"label={' or '.join(classes)}")
    return next((name for name in (*classes, "label", "labels") if name in columns), "")


# ---------------------------------------------------------------------- decoding


def decoded(parts: Mapping[str, Encoded], form: Form) -> dict[str, Raw]:
    """Encoded pictures as bytes: all of one size, in grey where every one is grey, else in red, green and blue."""
    try:
        from PIL import Image
    except ImportError:
        raise InputError("pictures in files take Pillow", expected=MISSING) from None
    sizes: dict[tuple[int, int], str] = {}
    colour = False
    for name, image in _opened(parts, Image):
        colour |= image.mode not in ("1", "L", "LA", "La", "I", "I;16", "F")
        sizes.setdefault((image.height, image.width), name)
    if form.size is None and len(sizes) > 1:
        (one, first), (other, second), *_ = sizes.items()
        found = f"{first}: {one[0]}x{one[1]}, {second}: {other[0]}x{other[1]}"
        raise InputError("pictures of several sizes", found=found, expected="one size, or the option size=32")
    rows, columns = form.size or next(iter(sizes))
    channels = form.channels or (3 if colour else 1)
    mode = "L" if channels == 1 else "RGB"
    raws = {}
    for part, encoded in parts.items():
        pixels = np.empty((len(encoded.names), rows, columns, channels), np.uint8)
        for number, (name, image) in enumerate(_opened({part: encoded}, Image)):
            try:
                if image.mode.startswith("I;16"):  # Pillow would clip, not scale
                    image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
                plain = image.convert(mode)
                if plain.size != (columns, rows):
                    plain = plain.resize((columns, rows), Image.Resampling.BILINEAR)
                pixels[number] = np.asarray(plain).reshape(rows, columns, channels)
            except (OSError, ValueError, SyntaxError, EOFError) as error:
                raise InputError("the picture cannot be decoded", file=encoded.root / name, found=str(error)) from None
        raws[part] = Raw(pixels, encoded.labels, encoded.names, encoded.classes)
    return raws


def _opened(parts: Mapping[str, Encoded], library: Any) -> Iterator[tuple[str, Any]]:
    """Every picture with its name, its head alone read."""
    for encoded in parts.values():
        for name, opener in zip(encoded.names, encoded.openers, strict=True):
            try:
                with opener() as file, library.open(file) as image:
                    yield name, image
            except (OSError, ValueError, SyntaxError, library.DecompressionBombError) as error:
                reason = getattr(error, "strerror", None) or str(error).partition(" <")[0]
                raise InputError("the picture cannot be read", file=encoded.root / name, found=reason) from None
