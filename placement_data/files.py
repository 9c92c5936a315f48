"""Files and folders that are there whole or not at all, where outputs may go, and the digest of a file.

A file is written beside its place and takes it when it is complete: a new one with the mode that the umask says, one
that replaces another with that one's mode. A link is followed: what it points to is replaced, the link stays. A pipe
and a character device (``/dev/stdout``, ``/dev/fd/3``, ``/dev/null``) are written to as they are. A write that fails is
a :class:`~placement_data.errors.WriteError` that names the file; what was there before is then as it was.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from placement_data.errors import InputError, WriteError

try:
    import fcntl
except ImportError:  # pragma: no cover - no such locks on Windows
    fcntl = None  # type: ignore[assignment]

PathLike = str | os.PathLike[str]

LOCK = ".lock"
STANDARD_OUTPUT = Path("/dev/stdout")


def sha256(path: PathLike) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ------------------------------------------------------------------------- writing


@contextmanager
def writing(path: PathLike) -> Iterator[None]:
    """What the system refuses inside is a :class:`WriteError` that names ``path``; a reader who left is none."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise WriteError("cannot be written", file=_named(path), found=reason) from None


@contextmanager
def atomic_path(path: PathLike) -> Iterator[Path]:
    """A temporary path beside ``path`` that replaces it when the block ends well and is removed when it does not.

    An ``OSError`` inside counts as a write that failed. Raises :class:`InputError` for a pipe and a device.
    """
    check_writable(path, streams=False)
    with writing(path):
        target = Path(os.path.realpath(path))
        temporary = _beside(target)
        try:
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            _keep_mode(target, temporary, 0o600)
            yield temporary
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            _keep_mode(target, temporary)
            os.replace(temporary, target)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: PathLike) -> Iterator[Path]:
    """A temporary folder beside ``folder`` that takes its place when the block ends well, and is removed if not.

    An ``OSError`` inside counts as a write that failed; it names the file in ``folder`` that was to be written.
    """
    with writing(folder):
        target = Path(os.path.realpath(folder))
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _beside(target)
        try:
            os.mkdir(temporary)
            try:
                yield temporary
            except OSError as error:
                with writing(_moved(error.filename, temporary, folder)):
                    raise
            except WriteError as error:
                raise error.of(_moved(error.file, temporary, folder)) from None
            _replace_folder(target, temporary)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _moved(file: PathLike | None, temporary: Path, folder: PathLike) -> Path:
    """What will be the name of a file that is in the temporary folder now; ``folder`` itself for any other."""
    inside = file is not None and temporary in Path(file).parents
    return Path(folder) / Path(str(file)).relative_to(temporary) if inside else Path(folder)


def _replace_folder(folder: Path, new: Path) -> None:
    if not folder.exists():
        os.replace(new, folder)
        return
    for path in (new, *new.rglob("*")):
        _keep_mode(folder / path.relative_to(new), path)
    # The old folder steps aside in one move: a process that is killed here leaves no half of it behind.
    aside = new.with_name(f"{new.name}.old")
    os.replace(folder, aside)
    try:
        os.replace(new, folder)
    except OSError:
        os.replace(aside, folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}{target.suffix}")


def _keep_mode(old: Path, new: Path, more: int = 0) -> None:
    """Give ``new`` the mode of ``old``, and ``more``, where that is there and the file system knows modes."""
    with suppress(OSError):
        os.chmod(new, stat.S_IMODE(os.stat(old).st_mode) | more)


def write_text(path: PathLike, text: str) -> None:
    """Write a text file, as :func:`write_bytes`, in UTF-8; names of files that are not UTF-8 come as they are."""
    write_bytes(path, text.encode(errors="surrogateescape"))


def write_bytes(path: PathLike, data: bytes) -> None:
    """Write a file atomically, or to a pipe or a device. Raises :class:`InputError`, where it fails `WriteError`."""
    if not _is_stream(path):
        with atomic_path(path) as temporary:
            temporary.write_bytes(data)
        return
    with writing(path):
        number = _descriptor(path)
        if number == 1 and sys.stdout is not None:
            sys.stdout.flush()
            rest = memoryview(data)
            while rest:  # Python writes only a part under PYTHONUNBUFFERED
                rest = rest[sys.stdout.buffer.write(rest) :]
            sys.stdout.buffer.flush()
        else:
            with open(os.open(path, os.O_WRONLY) if number is None else os.dup(number), "wb") as file:
                file.write(data)


def open_to_append(path: PathLike) -> IO[bytes]:
    """A file, a pipe or a device that is written to at its end, without a buffer."""
    number = _descriptor(path)
    return open(path if number is None else os.dup(number), "ab", buffering=0)


def write_all(file: IO[bytes], data: bytes) -> None:
    """Write at the end of an open file, past its buffer, and wait for the disk: all of ``data``, or nothing of it."""
    number = file.fileno()
    end = os.lseek(number, 0, os.SEEK_END)
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(number, rest) :]
        os.fsync(number)
    except OSError:
        os.ftruncate(number, end)
        raise


# ------------------------------------------------------------------------- where


def is_standard_output(path: PathLike | None) -> bool:
    """Whether what is written to ``path`` goes to standard output."""
    return path is not None and _descriptor(path) == 1


def _descriptor(path: PathLike) -> int | None:
    """Number of the open file that a path such as ``/dev/stdout`` or ``/dev/fd/3`` stands for, behind any links."""
    place = Path(os.path.abspath(path))
    own = os.path.realpath("/proc/self/fd")
    for _ in range(40):  # as many links as Linux follows
        if place == STANDARD_OUTPUT:
            return 1
        if place.name.isdecimal() and os.path.realpath(place.parent) == own:
            return int(place.name)
        if not place.is_symlink():
            break
        place = place.parent / os.readlink(place)
    return None


def _is_stream(path: PathLike) -> bool:
    """Whether ``path`` is what cannot be replaced: an open file, a pipe, a device, a socket."""
    if _descriptor(path) is not None:
        return True
    with suppress(OSError):
        mode = os.stat(path).st_mode
        return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
    return False


def _named(path: PathLike) -> PathLike:
    return "standard output" if is_standard_output(path) else path


def check_writable(path: PathLike, streams: bool = True) -> None:
    """Raise :class:`InputError` unless a file can be written at ``path``: to be asked before long work, not after it.

    ``streams`` says whether a pipe or a device will do.
    """
    target = Path(path)
    number = _descriptor(path)
    if not streams and _is_stream(path):
        raise InputError("cannot write here", file=_named(path), found="a pipe or a device", expected="a file")
    if number is not None:
        with writing(path):
            os.fstat(number)
        if number == 1 and sys.stdout is None:
            raise InputError("is closed", file=_named(path), expected="a place to write to")
    elif os.path.isdir(target):
        raise InputError("cannot write here", file=path, found="a folder", expected="the name of a file")
    elif os.path.exists(target) and (stat.S_ISBLK(mode := os.stat(target).st_mode) or stat.S_ISSOCK(mode)):
        raise InputError("cannot write here", file=path, found="a disk or a socket", expected="the name of a file")
    elif os.path.exists(target) and not os.access(target, os.W_OK):
        raise InputError("cannot write here", file=path, expected="a file that may be written to")
    elif not _is_stream(path):
        real = Path(os.path.realpath(path))
        if os.path.islink(real):
            raise InputError("cannot write here", file=path, found="a circle of links", expected="the name of a file")
        if not os.path.isdir(real.parent) or not os.access(real.parent, os.W_OK | os.X_OK):
            raise InputError("cannot write here", file=path, expected="a folder that is there and can be written to")


def check_outputs(outputs: Mapping[str, PathLike], inputs: Iterable[PathLike] = ()) -> None:
    """Raise :class:`InputError` unless all outputs can be written, are of different names and none is an input.

    Keys are what a user calls an output, such as ``--json``.
    """
    read = {os.path.realpath(path) for path in inputs}
    taken: dict[str, str] = {}
    for name, path in outputs.items():
        place = "1" if is_standard_output(path) else os.path.realpath(path)
        if place in read:
            raise InputError(f"{name} would overwrite an input", file=path, expected="another name")
        if place in taken and place != os.devnull:
            raise InputError(f"{taken[place]} and {name} are the same file", file=_named(path), expected="two names")
        taken[place] = name


# ------------------------------------------------------------------------- locks and leftovers


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


def in_use(path: PathLike) -> bool:
    """Whether a process holds the lock of those who write to a file, as HDF5 does. It can be read all the same."""
    if fcntl is None:
        return False
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # no locks here
            return False
    return False


def remove_leftovers(folder: Path, *names: str) -> None:
    """Remove what a killed process left behind of atomic writes to files of these names in ``folder``."""
    for name in names:
        for path in folder.glob(f".{name}.*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
