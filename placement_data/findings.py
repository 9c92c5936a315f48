"""``Finding``: something in a file that cannot be read as it stands, is not read, or says less than it should.

A reader refuses what would make the design another one (:class:`~placement_data.errors.InputError`). All else that it
steps over or does not understand is a finding, which the design (``Design.findings``), the report
(``Violations.findings``) and the labels (``Labels.findings``) carry along: ``ingest`` counts findings, ``score`` has
them in its JSON, ``data lint`` lists them. Codes are those of :mod:`placement_data.checks.lint`.
"""

from __future__ import annotations

from collections.abc import Iterable
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


def counted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding a code and file: the first one, with the count of all."""
    first: dict[tuple[str, str], Finding] = {}
    for one in findings:
        key = one.code, one.file
        first[key] = replace(first[key], count=first[key].count + one.count) if key in first else one
    return tuple(first.values())
