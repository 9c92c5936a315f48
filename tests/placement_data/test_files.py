"""One process at a time in a folder; outputs that are there whole or not at all, at the place that was meant."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from placement_data.errors import InputError, WriteError
from placement_data.files import (
    STANDARD_OUTPUT,
    atomic_folder,
    atomic_path,
    check_outputs,
    check_writable,
    locked,
    write_all,
    write_bytes,
    write_text,
    writing,
)
from tests.placement_data.limits import file_size_limit

HOLDER = """
import sys, time
from pathlib import Path
from placement_data.files import locked
with locked(Path(sys.argv[1])):
    print("inside", flush=True)
    time.sleep(600)
"""


def test_the_second_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    with locked(tmp_path):
        with pytest.raises(InputError, match="the folder is in use") as caught, locked(tmp_path):
            pytest.fail("two are inside")
        assert caught.value.exit_code == 3
    with locked(tmp_path):
        pass


def test_death_ends_it(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"inside\n"
    with pytest.raises(InputError, match="in use"), locked(tmp_path):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with locked(tmp_path):
        pass


def test_an_error_inside_is_not_taken_for_a_lock(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), locked(tmp_path):
        raise BlockingIOError


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot write here"), locked(tmp_path):
        pass


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write here"), locked(tmp_path / "none"):
        pass


# ------------------------------------------------------------------------- outputs


@pytest.fixture(params=[0o022, 0o077, 0o002, 0o027])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    mask: int = request.param
    before = os.umask(mask)
    yield mask
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def listing(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_new_files_and_folders_have_the_mode_of_the_umask(tmp_path: Path, umask: int) -> None:
    write_text(tmp_path / "a.txt", "a")
    with atomic_folder(tmp_path / "deep" / "folder") as temporary:
        (temporary / "inner").mkdir()
        write_bytes(temporary / "inner" / "b", b"b")
    with locked(tmp_path):
        pass
    for path in tmp_path.rglob("*"):
        assert mode(path) == (0o777 if path.is_dir() else 0o666) & ~umask, path


def test_what_is_replaced_keeps_its_mode(tmp_path: Path, umask: int) -> None:
    file, folder = tmp_path / "a.txt", tmp_path / "folder"
    file.write_text("old")
    file.chmod(0o640)
    folder.mkdir()
    (folder / "kept").write_text("old")
    folder.chmod(0o2750)
    (folder / "kept").chmod(0o604)
    write_text(file, "new")
    with atomic_folder(folder) as temporary:
        write_text(temporary / "kept", "new")
        write_text(temporary / "more", "new")
    assert file.read_text() == (folder / "kept").read_text() == "new"
    assert (mode(file), mode(folder), mode(folder / "kept")) == (0o640, 0o2750, 0o604)
    assert mode(folder / "more") == 0o666 & ~umask


def test_nobody_reads_a_secret_while_it_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("old")
    file.chmod(0o600)
    with atomic_path(file) as temporary:
        assert mode(temporary) == 0o600


def test_a_file_that_its_owner_cannot_read_is_replaced_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "drop"
    file.write_text("old")
    file.chmod(0o200)
    write_text(file, "name\udcff")
    assert mode(file) == 0o200
    file.chmod(0o600)
    assert file.read_bytes() == b"name\xff"


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for name in ("old", "new"):  # a link to a file that is there, and one to nothing yet
        link = tmp_path / f"link-{name}"
        link.symlink_to(Path("there") / name)
    (tmp_path / "there" / "old").write_text("before")
    (tmp_path / "to-link").symlink_to("link-old")
    for name in ("to-link", "link-new"):
        write_text(tmp_path / name, name)
        assert (tmp_path / name).is_symlink()
    assert listing(tmp_path / "there") == ["new", "old"]
    assert (tmp_path / "there" / "old").read_text() == "to-link"
    assert (tmp_path / "there" / "new").read_text() == "link-new"
    (tmp_path / "bundle").symlink_to("made", target_is_directory=True)
    for text in ("1", "2"):
        with atomic_folder(tmp_path / "bundle") as temporary:
            write_text(temporary / "x", text)
    assert (tmp_path / "bundle").is_symlink()
    assert (tmp_path / "made" / "x").read_text() == "2"


def test_a_link_into_nowhere_and_one_to_itself(tmp_path: Path) -> None:
    (tmp_path / "nowhere").symlink_to("absent/file")
    (tmp_path / "self").symlink_to("self")
    for name in ("nowhere", "self"):
        with pytest.raises(InputError, match=f"{name}: cannot write here"):
            write_text(tmp_path / name, "x")
    assert listing(tmp_path) == ["nowhere", "self"]


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check_writable(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE)
    write_text(pipe, "through\n")
    assert reader.communicate(timeout=60)[0] == b"through\n"
    assert pipe.is_fifo()
    with pytest.raises(InputError, match="found 'a pipe or a device'"), atomic_path(pipe):
        pass
    write_text(os.devnull, "gone")
    assert Path(os.devnull).is_char_device()
    assert listing(tmp_path) == ["pipe"]


def test_an_open_file_is_written_to_where_it_stands(tmp_path: Path) -> None:
    with open(tmp_path / "log", "w+b") as file:
        file.write(b"before ")
        file.flush()
        for path in (f"/dev/fd/{file.fileno()}", f"/proc/self/fd/{file.fileno()}"):
            write_text(path, "once ")
        (tmp_path / "link").symlink_to(f"/dev/fd/{file.fileno()}")
        write_text(tmp_path / "link", "linked")
        file.seek(0)
        assert file.read() == b"before once once linked"
    with pytest.raises(InputError, match="cannot be written, found 'Bad file descriptor'"):
        check_writable("/dev/fd/987")


def test_standard_output(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    sys.stdout.write("first ")
    write_bytes(STANDARD_OUTPUT, b"\x89PNG")
    write_text("/dev/fd/1", " last")
    assert capsysbinary.readouterr().out == b"first \x89PNG last"


def test_outputs_that_are_one_file_or_an_input(tmp_path: Path) -> None:
    made, link = tmp_path / "a.json", tmp_path / "link"
    link.symlink_to(made)
    check_outputs({"--json": made, "--csv": tmp_path / "a.csv"}, [tmp_path / "in.def"])
    check_outputs({"--json": os.devnull, "--csv": os.devnull})
    for other in (made, link, tmp_path / "." / "x" / ".." / "a.json"):
        with pytest.raises(InputError, match="--json and --csv are the same file"):
            check_outputs({"--json": made, "--csv": other})
        with pytest.raises(InputError, match=r"--json would overwrite an input"):
            check_outputs({"--json": made}, [other])
    with pytest.raises(InputError, match="standard output: --json and --csv are the same file"):
        check_outputs({"--json": STANDARD_OUTPUT, "--csv": "/dev/fd/1"})


@pytest.mark.parametrize("size", [0, 1, 5, 4096, 9999])
@pytest.mark.parametrize("old", [None, "as it was"])
def test_a_write_that_fails_leaves_all_as_it_was(tmp_path: Path, size: int, old: str | None) -> None:
    file, folder = tmp_path / "out.json", tmp_path / "folder"
    if old is not None:
        folder.mkdir()
        for path in (file, folder / "x"):
            path.write_text(old)
    before = listing(tmp_path)
    with file_size_limit(size):
        with pytest.raises(WriteError, match=r"/out.json: cannot be written, found 'File too large'$"):
            write_bytes(file, b"x" * 10000)
        with pytest.raises(WriteError, match=r"/folder/x: cannot be written, found 'File too large'$"):  # noqa: SIM117
            with atomic_folder(folder) as temporary:
                write_bytes(temporary / "x", b"x" * 10000)
        with pytest.raises(WriteError, match=r"/folder/y: cannot be written, found 'File too large'$"):  # noqa: SIM117
            with atomic_folder(folder) as temporary, writing(temporary / "y"):
                (temporary / "y").write_bytes(b"x" * 10000)
    assert listing(tmp_path) == before
    if old is not None:
        assert file.read_text() == (folder / "x").read_text() == old


def test_a_folder_that_vanishes_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    what = r"/there/x: cannot be written, found 'No such file or directory'$"
    with pytest.raises(WriteError, match=what), atomic_path(tmp_path / "there" / "x") as temporary:
        shutil.rmtree(temporary.parent)


def test_the_old_folder_comes_back_where_the_new_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "x").write_text("old")
    real = os.replace

    def replace(source: Path, target: Path) -> None:
        if target == folder and "old" not in source.suffix:
            raise OSError(errno.ENOSPC, "full")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    what = "/folder: cannot be written, found 'No space left on device'"
    with pytest.raises(WriteError, match=what), atomic_folder(folder) as temporary:
        write_text(temporary / "y", "new")
    assert listing(tmp_path) == ["folder", "folder/x"]


def test_all_or_nothing_at_the_end_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"12345\n")
    with open(path, "r+b") as file:
        with file_size_limit(10), pytest.raises(OSError, match="File too large"):
            write_all(file, b"6789abcdef\n")
        assert path.read_bytes() == b"12345\n"
        write_all(file, b"6789abcdef\n")
    assert path.read_bytes() == b"12345\n6789abcdef\n"


def test_the_error_crosses_processes(tmp_path: Path) -> None:
    error = pickle.loads(pickle.dumps(WriteError("cannot be written", file=tmp_path / "x", found="full")))
    assert isinstance(error, WriteError)
    assert str(error.of("y")) == "y: cannot be written, found 'full'"
