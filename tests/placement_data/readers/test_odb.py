"""Reading OpenDB through a stand-in for the ``openroad`` binary, which does what the database's text says."""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path

import pytest

from placement_data.errors import InputError
from placement_data.readers import read_design
from placement_data.readers.odb import read_odb, tcl_word
from tests.placement_data.small_design import SMALL_DEF, SMALL_LEF, write

# It takes the script's commands by their words, as OpenROAD does, and has a log with colours and a summary.
STAND_IN = f"""#!{sys.executable}
import os, pathlib, subprocess, sys, time
assert sys.argv[1:-1] == ["-exit", "-no_splash"], sys.argv
script = [line.split() for line in pathlib.Path(sys.argv[-1]).read_text().splitlines()]
assert [words[0] for words in script] == ["read_db", "write_lef", "write_def", "exit"], script
assert [len(words) for words in script] == [2, 2, 2, 1], script
assert sys.stdin.read() == ""
lef, def_ = (pathlib.Path(words[1]) for words in script[1:3])
database = pathlib.Path(script[0][1])
what = database.read_text().split()
here = database.resolve().parent
print("OpenROAD v2.0\\n", flush=True)
if what[0] == "fail":
    print("\\x1b[31m[ERROR ORD-0054] No technology\\x1b[0m has been read.\\nError: write.tcl, 1 ORD-0054")
    print("bye")
    sys.exit(1)
if what[0] == "crash":
    os.abort()
if what[0] == "hang":
    fifo = os.open(here / "alive", os.O_WRONLY)
    os.write(fifo, b"x")
    subprocess.Popen(["sleep", "60"], pass_fds=[fifo])
    time.sleep(60)
if what[0] == "leave":
    fifo = os.open(here / "alive", os.O_WRONLY)
    os.write(fifo, b"x")
    subprocess.Popen(["sleep", "60"], pass_fds=[fifo])
if "lef" in what:
    text = (here / "small.lef").read_text()
    first, macro, second = text.partition("MACRO BLOCK")
    lef.write_text(first + "END LIBRARY\\n" if "libraries" in what else text)
    if "libraries" in what:
        (lef.parent / "design_1.lef").write_text("VERSION 5.8 ;\\n" + macro + second)
if "def" in what:
    def_.write_text((here / "small.def").read_text())
if "half" in what:
    def_.write_text((here / "small.def").read_text()[:300])
"""


@pytest.fixture
def openroad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in on PATH, with the small design beside the databases for it to write."""
    folder = tmp_path / "bin"
    folder.mkdir()
    binary = write(folder, "openroad", STAND_IN)
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    write(tmp_path, "small.lef", SMALL_LEF)
    write(tmp_path, "small.def", SMALL_DEF)
    return binary


def left_over(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith("routenas-odb-")]


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Temporary folders go to the test's own, and none is left; neither is a child, dead or alive."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before = children.read_text() if children.exists() else ""
    yield
    assert left_over(folder) == []
    assert not children.exists() or children.read_text() == before


@pytest.mark.parametrize("name", ["a.odb", "a b.odb", "{a}[b]$c;\\d\"e'#.odb", "größe.odb", "-a.odb", "two\nlines.odb"])
def test_same_as_lef_and_def(tmp_path: Path, openroad: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = write(tmp_path, name, "write lef def")
    monkeypatch.chdir(tmp_path)
    expected = read_design([tmp_path / "small.lef"], tmp_path / "small.def")
    for path in (database, name):
        design = read_odb(path)
        assert (design.name, design.sources) == ("small", (str(path),))
        assert design.pins.box.tolist() == expected.pins.box.tolist()
        assert design.masters.name.tolist() == expected.masters.name.tolist()


def test_several_libraries(tmp_path: Path, openroad: Path) -> None:
    design = read_odb(write(tmp_path, "a.odb", "write lef libraries def"))
    assert design.masters.name.tolist() == ["CELL", "BLOCK"]


def test_packed_database_keeps_its_suffix(tmp_path: Path, openroad: Path) -> None:
    """OpenROAD unpacks what is named .gz; the stand-in only must see that name."""
    openroad.write_text(STAND_IN.replace("what = ", "assert database.name.endswith('.odb.gz'); what = "))
    assert read_odb(write(tmp_path, "a.odb.gz", "write lef def")).name == "small"


def test_given_binary(tmp_path: Path, openroad: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = write(tmp_path, "a.odb", "write lef def")
    monkeypatch.setenv("PATH", "/nowhere")
    assert read_odb(database, openroad=str(openroad)).name == "small"
    monkeypatch.chdir(tmp_path)
    assert read_odb(database, openroad="bin/openroad").name == "small"


def test_no_binary_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    database = write(tmp_path, "my [1].odb", "x")
    by_hand = (
        f"run by hand in openroad: read_db {tmp_path}/my\\ \\[1\\].odb; write_lef design.lef; write_def design.def"
    )
    tail = f"{by_hand}; then read the result with --lef design.lef --def design.def"
    for binary, where in ((None, "openroad is not on PATH"), ("/no/such", "/no/such is no program")):
        with pytest.raises(InputError) as caught:
            read_odb(database, openroad=binary)
        assert str(caught.value) == f"{database}: an OpenDB database is read by way of OpenROAD, but {where}; {tail}"


BROKEN = [
    ("fail", "OpenROAD ended with exit code 1: [ERROR ORD-0054] No technology has been read."),
    ("crash", "OpenROAD ended by signal SIGABRT: OpenROAD v2.0"),
    ("write", "OpenROAD wrote no design.lef and no design.def: OpenROAD v2.0, expected a database with technology, "
     "cells and a design"),
    ("write lef", "OpenROAD wrote no design.def: OpenROAD v2.0, expected a database with technology, "),
    ("write lef half", "what OpenROAD wrote of it cannot be read: design.def:12: file ends inside a statement"),
    ("", "file is empty, expected an OpenDB database"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_failures(tmp_path: Path, openroad: Path, text: str, message: str) -> None:
    database = write(tmp_path, "a.odb", text)
    with pytest.raises(InputError) as caught:
        read_odb(database)
    assert str(caught.value).startswith(f"{database}: {message}")
    assert "\n" not in str(caught.value)


def test_missing_database(tmp_path: Path, openroad: Path) -> None:
    with pytest.raises(InputError, match=r"none\.odb: cannot be read \(No such file or directory\)$"):
        read_odb(tmp_path / "none.odb")


def test_binary_that_cannot_run(tmp_path: Path, openroad: Path) -> None:
    openroad.write_bytes(b"\x7fELF rubbish")
    with pytest.raises(InputError, match=r"openroad cannot be run \(Exec format error\)$"):
        read_odb(write(tmp_path, "a.odb", "x"))


@pytest.mark.parametrize(("text", "message"), [("hang", "within 3 s: OpenROAD v2.0"), ("leave", "wrote no design.lef")])
def test_nothing_goes_on_afterwards(tmp_path: Path, openroad: Path, text: str, message: str) -> None:
    """The child of a program that hangs, or has ended without it, holds a pipe open: its end shows that it is dead."""
    os.mkfifo(tmp_path / "alive")
    pipe = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(InputError, match=message):
            read_odb(write(tmp_path, "a.odb", text), timeout_s=3)
        assert os.read(pipe, 8) == b"x"
        assert _ends_within(pipe, 5.0)
    finally:
        os.close(pipe)


def _ends_within(pipe: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            return os.read(pipe, 8) == b""
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
        time.sleep(0.02)
    return False


def test_words_of_tcl() -> None:
    assert tcl_word("/a/b-1_2.odb") == "/a/b-1_2.odb"
    assert tcl_word("a b{c") == r"a\ b\{c"
    assert tcl_word("[exec x]$y;\\") == r"\[exec\ x\]\$y\;" + "\\\\"
    assert tcl_word("a\nb") == r"a\u000ab"
    assert tcl_word("") == "{}"


@pytest.mark.parametrize(
    "text", ["a b", "{", "}{", "[exit]$x", "\\", 'a"b"', "#c;d", "é ü", "tab\tline\n", "\x01f", ""]
)
def test_tcl_reads_the_same_word(text: str) -> None:
    tkinter = pytest.importorskip("tkinter")
    assert tkinter.Tcl().eval(f"set word {tcl_word(text)}") == text
