"""OpenDB (.odb, OpenROAD's database): written out as LEF and DEF by an ``openroad`` binary, then read from those."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from placement_data.design import Design
from placement_data.errors import InputError
from placement_data.files import writing
from placement_data.readers import read_design
from placement_data.text import PathLike

LEF, DEF = "design.lef", "design.def"
"""Names under which OpenROAD writes. A database of several libraries gives design_1.lef, design_2.lef, ... too."""

_SCRIPT = "write.tcl"
_LOG = "openroad.log"
_PLAIN = re.compile(r"[A-Za-z0-9_./+,=:@%-]+")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ERRORS = (re.compile(r"\[(ERROR|CRITICAL)\b"), re.compile(r"Error\b", re.IGNORECASE), re.compile("."))


def read_odb(path: PathLike, openroad: str | None = None, timeout_s: float = 600) -> Design:
    """Read an OpenDB database, plain or (with a new OpenROAD) gzip and named .gz.

    ``openroad`` is the binary, by default the one on PATH; it may take ``timeout_s`` seconds. Raises ``InputError``
    where there is no binary (saying what to run by hand), where it fails, takes too long or writes nothing, and where
    what it writes cannot be read.
    """
    database = Path(path)
    try:
        with open(database, "rb") as stream:
            if not stream.read(1):
                raise InputError("file is empty", file=path, expected="an OpenDB database")
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise InputError(f"cannot be read ({getattr(error, 'strerror', None) or error})", file=path) from error
    binary = shutil.which(openroad or "openroad")
    if binary is None:
        where = f"{openroad} is no program" if openroad else "openroad is not on PATH"
        by_hand = "; ".join(export_script(os.path.abspath(path)))
        what = f"an OpenDB database is read by way of OpenROAD, but {where}; run by hand in openroad: {by_hand}"
        raise InputError(f"{what}; then read the result with --lef {LEF} --def {DEF}", file=path)
    with tempfile.TemporaryDirectory(prefix="routenas-odb-") as folder:
        _export(database, os.path.abspath(binary), Path(folder), timeout_s)
        libraries = sorted(Path(folder).glob("design*.lef*"), key=lambda lef: (len(lef.name), lef.name))
        try:
            design = read_design(libraries, Path(folder) / DEF)
        except InputError as error:
            raise InputError(f"what OpenROAD wrote of it cannot be read: {_local(error, folder)}", file=path) from error
    return replace(design, sources=(os.fspath(path),))


def export_script(database: str) -> tuple[str, str, str]:
    """The three Tcl lines for OpenROAD that write a database as LEF and DEF into the current folder."""
    return f"read_db {tcl_word(database)}", f"write_lef {LEF}", f"write_def {DEF}"


def tcl_word(text: str) -> str:
    """``text`` as one word of Tcl that nothing in it can break: plain where it can be, else quoted with backslashes."""
    if _PLAIN.fullmatch(text):
        return text
    quoted = []
    for character in text:
        if character.isalnum() or character in "_./-" or not character.isascii():
            quoted.append(character)
        else:
            # A letter behind a backslash may mean something, and backslash-newline is a blank: those go by number.
            quoted.append(f"\\{character}" if character.isprintable() else f"\\u{ord(character):04x}")
    return "".join(quoted) or "{}"


def _export(database: Path, binary: str, folder: Path, timeout_s: float) -> None:
    """Run OpenROAD in ``folder``. Raises ``InputError`` where LEF and DEF are not there afterwards."""
    # A link of a plain name: no quoting, and no encoding of names, can come between Tcl and the file.
    link = "design.odb.gz" if database.suffix == ".gz" else "design.odb"
    (folder / link).symlink_to(database.resolve())
    with writing(folder / _SCRIPT):
        (folder / _SCRIPT).write_text("\n".join((*export_script(link), "exit")) + "\n", encoding="ascii")
    command = [binary, "-exit", "-no_splash", _SCRIPT]
    try:
        code = _run(command, folder, timeout_s)
    except subprocess.TimeoutExpired:
        what = f"OpenROAD did not write it out within {timeout_s:g} s"
        raise InputError(f"{what}{_last_words(folder / _LOG)}", file=database) from None
    except OSError as error:
        raise InputError(f"{binary} cannot be run ({error.strerror})", file=database) from error
    if code != 0:
        ended = f"with exit code {code}" if code > 0 else f"by signal {signal.Signals(-code).name}"
        raise InputError(f"OpenROAD ended {ended}{_last_words(folder / _LOG)}", file=database)
    missing = [name for name in (LEF, DEF) if not (folder / name).is_file()]
    if missing:
        what = f"OpenROAD wrote no {' and no '.join(missing)}{_last_words(folder / _LOG)}"
        raise InputError(what, file=database, expected="a database with technology, cells and a design")


def _run(command: list[str], folder: Path, timeout_s: float) -> int:
    """Exit code of a program that runs in ``folder`` and writes to its log there.

    Whatever way this ends, the program and all that it has started in its process group are gone then.
    """
    with open(folder / _LOG, "wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(timeout_s)
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):  # PermissionError: what macOS says of a group of zombies
                process.kill()
            process.wait()


def _last_words(log: Path) -> str:
    """The last message of an error in a log, or else its last line that is not blank, behind a colon; else nothing."""
    with open(log, "rb") as stream:
        stream.seek(max(0, log.stat().st_size - (1 << 16)))
        text = stream.read().decode("utf-8", "replace")
    lines = ["".join(filter(str.isprintable, _COLOUR.sub("", line))).strip() for line in text.splitlines()]
    for pattern in _ERRORS:
        found = [line for line in lines if pattern.match(line)]
        if found:
            return f": {found[-1][:300]}"
    return ""


def _local(error: InputError, folder: str) -> str:
    """The error's text without the folder, which is gone when somebody reads it."""
    return str(error).replace(f"{folder}{os.sep}", "")
