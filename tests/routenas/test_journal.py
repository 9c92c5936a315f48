"""The journal: append-only, a torn last line is dropped, anything else broken is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from placement_data.errors import InputError
from routenas.journal import Journal

RECORDS = [
    {"trial": 0, "value": 0.5, "text": "a\nb \u2028 \u00e9"},
    {"trial": 1, "value": None},
    {"trial": 2, "x": [1]},
]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path / "journal.jsonl")
    for record in RECORDS:
        journal.append(record)
    return journal


def test_round_trip(journal: Journal) -> None:
    assert Journal(journal.path).records == journal.records == RECORDS
    assert journal.path.read_bytes().count(b"\n") == 3


def test_a_new_journal_is_empty_and_makes_no_file(tmp_path: Path) -> None:
    assert Journal(tmp_path / "new.jsonl").records == []
    assert not (tmp_path / "new.jsonl").exists()


def test_every_torn_last_line_is_dropped(journal: Journal) -> None:
    data = journal.path.read_bytes()
    second = data[: data.rindex(b"\n", 0, -1) + 1]
    for end in range(len(second), len(data)):
        journal.path.write_bytes(data[:end])
        torn = Journal(journal.path)
        assert torn.records == RECORDS[:2]
        assert journal.path.read_bytes() == second
    torn.append(RECORDS[2])
    assert journal.path.read_bytes() == data


@pytest.mark.parametrize("line", [b"{", b"", b"\x00\xff", b"NaN,"])
def test_a_broken_line_in_the_middle_is_refused(journal: Journal, line: bytes) -> None:
    lines = journal.path.read_bytes().split(b"\n")
    lines[1] = line
    journal.path.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match=r"journal\.jsonl:2: a journal line is not JSON"):
        Journal(journal.path)


def test_a_line_that_is_no_object_is_refused(journal: Journal) -> None:
    with open(journal.path, "a") as file:
        file.write("[1]\n")
    with pytest.raises(InputError, match=r"journal\.jsonl:4: a journal line is not an object"):
        Journal(journal.path)


def test_what_json_lacks_is_not_written(journal: Journal) -> None:
    before = journal.path.read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        journal.append({"value": float("nan")})
    assert journal.path.read_bytes() == before
    assert len(journal.records) == 3
