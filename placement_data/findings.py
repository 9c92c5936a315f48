"""``Finding``: something in a file that cannot be read as it stands, is not read, or says less than it should.

A reader refuses what would make the design another one (:class:`~placement_data.errors.InputError`). All else that it
steps over or does not understand is a finding, which the design (``Design.findings``), the report
(``Violations.findings``) and the labels (``Labels.findings``) carry along: ``ingest`` counts findings, ``score`` has
them in its JSON, ``data lint`` lists them. Codes are those of :mod:`placement_data.checks.lint`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from placement_data.errors import InputError


@dataclass(frozen=True, order=True)
class Finding:
    """What is wrong, with a stable code, and where: ``count`` things alike, the first of them at ``file``, ``line``."""

    file: str
    line: int
    code: str
    message: str
    count: int = 1

    @classmethod
    def of(cls, code: str, error: InputError, count: int = 1) -> Finding:
        """The finding that says what an error says, at the error's place."""
        text = str(InputError(error.what, found=error.found, expected=error.expected))
        return cls(str(error.file or ""), error.line or 1, code, text, count)

    def __str__(self) -> str:
        """``MESSAGE (N times, first at FILE:LINE)``."""
        place = f"{self.file}:{self.line}"
        return (
            f"{self.message} ({place})" if self.count == 1 else f"{self.message} ({self.count} times, first at {place})"
        )


class Findings:
    """Takes what a reader comes upon, one reading long.

    A reading that is strict, as all but those of ``lint``, raises an error and keeps of the same findings in one file
    only the first and their number. One that is ``lenient`` keeps everything.
    """

    def __init__(self, *, lenient: bool = False) -> None:
        self.lenient = lenient
        self.found: list[Finding] = []
        self._last: dict[tuple[str, str], int] = {}

    def error(self, code: str, error: InputError) -> None:
        """Raise ``error``, or keep it."""
        if not self.lenient:
            raise error
        self.found.append(Finding.of(code, error))

    def add(self, code: str, path: object, make: Callable[[], InputError], count: int = 1) -> None:
        """Keep a finding in the file ``path``; ``make`` is called where its text and place are needed."""
        key = code, str(path)
        at = self._last.get(key)
        if at is not None and not self.lenient:
            self.found[at] = replace(self.found[at], count=self.found[at].count + count)
            return
        self._last[key] = len(self.found)
        self.found.append(Finding.of(code, make(), count))


def counted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding a code and file: the first one, with the count of all."""
    first: dict[tuple[str, str], Finding] = {}
    for one in findings:
        key = one.code, one.file
        first[key] = replace(first[key], count=first[key].count + one.count) if key in first else one
    return tuple(first.values())
