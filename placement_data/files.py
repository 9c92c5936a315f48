"""Files and folders that are there whole or not at all, and the digest of a file."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from placement_data.errors import InputError

try:
    import fcntl
except ImportError:  # pragma: no cover - no such locks on Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"


def sha256(path: str | os.PathLike[str]) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside ``path`` that replaces it when the block ends well and is removed when it does not."""
    target = Path(path)
    check_writable(target)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        raise InputError(
            "cannot write here", file=target, found=error.strerror or "error", expected="a writable folder"
        ) from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder beside ``folder`` that takes its place when the block ends well, and is removed if not."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield temporary
        os.chmod(temporary, 0o755)
        # The old folder steps aside in one move: a process that is killed here leaves no half of it behind.
        aside = temporary.with_name(f"{temporary.name}.old")
        if folder.exists():
            os.replace(folder, aside)
        os.replace(temporary, folder)
        shutil.rmtree(aside, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else is inside such a block for ``folder``, which exists, meanwhile; the death of a process ends its own.

    Raises :class:`InputError` where somebody is. A file ``.lock`` in the folder is what is locked; it stays there.
    """
    path = folder / LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(
            "cannot write here", file=folder, found=error.strerror or "error", expected="a writable folder"
        ) from None
    try:
        if fcntl is not None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                what = "the folder is in use"
                raise InputError(what, file=folder, found="another process that writes here") from None
        yield
    finally:
        os.close(descriptor)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise :class:`InputError` unless a file can be made at ``path``: to be asked before long work, not after it."""
    target = Path(path)
    if target.is_dir():
        raise InputError("cannot write here", file=target, found="a folder", expected="the name of a file")
    if not target.parent.is_dir() or not os.access(target.parent, os.W_OK | os.X_OK):
        raise InputError("cannot write here", file=target, expected="a folder that is there and can be written to")


def remove_leftovers(folder: Path, *names: str) -> None:
    """Remove what a killed process left behind of atomic writes to files of these names in ``folder``."""
    for name in names:
        for path in folder.glob(f".{name}.*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
