"""The journal: append-only, a torn last line is dropped, anything else broken is refused."""

from __future__ import annotations

import subprocess
import sys
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


def test_two_searches_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "shared.jsonl"
    first, second = Journal(path, "first"), Journal(path, "second")
    first.append({"trial": 0})
    second.append({"trial": 0, "x": 1}, {"trial": 1, "x": 2})
    first.append({"trial": 1})
    assert [record["trial"] for record in Journal(path, "first").records] == [0, 1]
    again = Journal(path, "second")
    assert [record["x"] for record in again.records] == [1, 2]
    assert [again.line(i) for i in range(2)] == [2, 3]
    assert Journal(path).records == []
    third = Journal(path, "first")
    second.append({"trial": 2})
    third.append({"trial": 2})  # another search wrote in between
    assert [third.line(i) for i in range(3)] == [1, 4, 6]
    assert [first.line(i) for i in range(3)] == [1, 4, 6]


APPENDER = """
import sys
import subprocess
import sys
from pathlib import Path
from routenas.journal import Journal
journal = Journal(Path(sys.argv[1]), sys.argv[2])
for number in range(40):
    journal.append({"trial": number, "text": "x" * 5000})
"""


def test_processes_may_append_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "shared.jsonl"
    processes = [subprocess.Popen([sys.executable, "-c", APPENDER, str(path), f"s{i}"]) for i in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    for i in range(3):
        assert [record["trial"] for record in Journal(path, f"s{i}").records] == list(range(40))
    assert path.read_bytes().count(b"\n") == 120
