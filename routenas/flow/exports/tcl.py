"""Words and comments of Tcl: any name of a design comes out of a Tcl interpreter as it went in."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PLAIN = re.compile(r"[A-Za-z0-9_./:+,=|-]")
_WIDTH = 100


def word(text: str) -> str:
    r"""One Tcl word in ASCII that stands for ``text``: what has a meaning in Tcl is escaped, other letters are ``\u``.

    Files of Tcl are read in the system's encoding, so letters beyond ASCII are never written as they are.
    """
    return "".join(letter if _PLAIN.match(letter) else _escaped(letter) for letter in text) or "{}"


def _escaped(letter: str) -> str:
    if letter.isascii() and letter.isprintable():
        return f"\\{letter}"
    units = letter.encode("utf-16-be", "surrogatepass")  # a letter beyond 16 bits is two of Tcl 8
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def words(values: Iterable[str]) -> str:
    """A Tcl list, ``[list ...]``, on as many lines as it takes."""
    lines: list[str] = []
    line = ""
    for value in map(word, values):
        if line and len(line) + len(value) >= _WIDTH:
            lines.append(line)
            line = ""
        line += f" {value}"
    return "[list" + " \\\n   ".join([*lines, line]) + "]"


def comment(lines: Iterable[str]) -> str:
    """Comment lines of Tcl, DEF and the like, in printable ASCII."""
    told = (line.encode("ascii", "backslashreplace").decode() for line in lines)
    clean = ("".join(letter if letter.isprintable() else "?" for letter in line) for line in told)
    # A backslash at the end of a Tcl comment would take the next line into it.
    return "".join(f"# {line} .\n" if line.endswith("\\") else f"# {line}\n" for line in clean)
