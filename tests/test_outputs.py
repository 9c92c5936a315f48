"""The command as any Unix command: where its outputs go, what happens when they cannot, and how it is ended."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from routenas import example
from tests.layouts import Layout, manifest_row, write_layout, write_manifest

REPOSITORY = Path(__file__).resolve().parents[1]


def routenas(
    *words: object, limit: int | None = None, shell: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the command, through ``shell`` redirections; no file grows above ``limit`` bytes."""
    line = f'exec "$0" "$@" {shell}'

    def before() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    added = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.run(
        ["sh", "-c", line, sys.executable, "-m", "cli", *map(str, words)], cwd=REPOSITORY, capture_output=True,
        env={**os.environ, **added}, preexec_fn=before, timeout=300, check=False,
    )  # fmt: skip


def lines(data: bytes) -> list[str]:
    return data.decode(errors="replace").splitlines()


def score_words(layout: Layout, bundles: dict[str, Path]) -> list[object]:
    words: list[object] = ["score", "--lef", layout.lef, "--def", layout.def_]
    return [*words, "--model", bundles["hotspots"]]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A manifest of two placements of one layout, and nothing else in its folder."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    layout = write_layout(tmp_path / "in")
    rows = [manifest_row(layout, "a/1", "a"), manifest_row(layout, "a/2", "a")]
    return write_manifest(tmp_path / "in" / "manifest.csv", rows)


# ------------------------------------------------------------------------- where outputs go


def test_a_dash_is_standard_output(layout: Layout, bundles: dict[str, Path], tmp_path: Path) -> None:
    words = score_words(layout, bundles)
    plain = routenas(*words, "--json", tmp_path / "s.json", "--csv", tmp_path / "s.csv", "--png", tmp_path / "s.png")
    assert plain.returncode == 0, plain.stderr
    table = plain.stdout
    for name, place in (("json", "-"), ("csv", "/dev/stdout"), ("png", "/dev/fd/1")):
        done = routenas(*words, f"--{name}", place)
        assert done.returncode == 0, done.stderr
        assert done.stderr.endswith(table)
        if name == "json":
            assert json.loads(done.stdout)["schema"] == json.loads((tmp_path / "s.json").read_text())["schema"]
        else:
            assert done.stdout == (tmp_path / f"s.{name}").read_bytes()
    assert not Path("-").exists()
    done = routenas(*words, "--json", "-", shell=">> '%s'" % (tmp_path / "s.csv"))
    assert (tmp_path / "s.csv").read_text().startswith("x0,y0,x1,y1,")  # appended to, not replaced
    assert (tmp_path / "s.csv").read_text().endswith("}\n")


def test_a_dash_of_the_other_verbs(layout: Layout, made_up_store: Path, tmp_path: Path) -> None:
    split = routenas("data", "split", made_up_store)
    assert routenas("data", "split", made_up_store, "-o", "-").stdout == split.stdout
    (tmp_path / "split.json").write_bytes(split.stdout)
    done = routenas("data", "audit", made_up_store, "--split", tmp_path / "split.json", "--json", "-")
    assert done.returncode in (0, 10)
    assert "leaks" in json.loads(done.stdout)
    assert done.stderr
    done = routenas("data", "lint", "--def", layout.def_, "--json", "-")
    assert json.loads(done.stdout)["findings"] == []
    assert b" findings; " in done.stderr


def test_a_data_set_is_no_stream(manifest: Path, tmp_path: Path) -> None:
    tmp_path /= "out"
    os.mkfifo(tmp_path / "pipe")
    for place in ("-", "/dev/null", tmp_path / "pipe"):
        done = routenas("ingest", manifest, "-o", place, "--force")
        assert (done.returncode, done.stdout) == (3, b"")
        assert len(lines(done.stderr)) == 1
        assert b"cannot write here, found 'a pipe or a device', expected a file" in done.stderr
    assert (tmp_path / "pipe").is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipe"]


MAGIC = {
    "png": b"\x89PNG", "PNG": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "jpg": b"\xff\xd8", "jpeg": b"\xff\xd8",
    "webp": b"RIFF", "tif": b"II*\0", "eps": b"%!PS",
}  # fmt: skip


@pytest.mark.parametrize("suffix", MAGIC)
def test_a_picture_has_the_format_of_its_name(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from routenas.results import Result
    from routenas.show.pictures import search_png

    search_png([Result(0.5), Result(None), Result(0.7)], "auc", tmp_path / f"p.{suffix}")
    assert (tmp_path / f"p.{suffix}").read_bytes().startswith(MAGIC[suffix])


def test_an_unknown_format_is_refused_before_the_work(tmp_path: Path) -> None:
    done = routenas("score", "--lef", "a", "--def", "b", "--model", "c", "--png", tmp_path / "x.bmp")
    what = "a picture of this format cannot be written, found '.bmp', expected .png, .pdf, .svg, .jpg,"
    assert done.returncode == 3
    assert what in done.stderr.decode()


def test_one_file_for_two_outputs_and_an_input_as_output(manifest: Path, tmp_path: Path) -> None:
    tmp_path /= "out"
    before, model = manifest.read_bytes(), manifest.with_name("model.json")
    for words, what in (
        (("score", "--lef", "a", "--def", "b", "--model", "c", "--json", "x", "--csv", "./x"), "are the same file"),
        (("score", "--lef", "a", "--def", "b", "--model", "c", "--json", "-", "--png", "-"), "are the same file"),
        (("score", "--lef", "a", "--def", "b", "--model", "c", "--json", "b"), "--json would overwrite an input"),
        (("score", "--lef", "a", "--def", "b", "--model", "c", "--csv", "c/model.json"), "would overwrite an input"),
        (("ingest", manifest, "-o", manifest, "--force"), "would overwrite an input"),
        (("ingest", manifest, "-o", manifest.with_name("one.def.gz"), "--force"), "would overwrite an input"),
        (("ingest", manifest, "-o", tmp_path / "d.h5", "--log-file", manifest), "would overwrite an input"),
        (("ingest", manifest, "-o", tmp_path / "d.h5", "--log-file", tmp_path / "d.h5"), "are the same file"),
        (("data", "split", manifest, "-o", manifest), "would overwrite an input"),
        (("evaluate", manifest, "--json", manifest), "would overwrite an input"),
        (("evaluate", "x", "--model", f"a={model.parent}", "--json", model), "would overwrite an input"),
        (("data", "lint", "--def", manifest, "--json", manifest), "would overwrite an input"),
    ):
        done = routenas(*words)
        assert (done.returncode, len(lines(done.stderr))) == (3, 1), done.stderr
        assert what in done.stderr.decode()
    assert manifest.read_bytes() == before
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------- no room


@pytest.mark.parametrize(("limit", "workers"), [(0, 1), (1000, 2), (8192, 1), (70_000, 2)])
def test_ingest_on_a_full_disk(manifest: Path, tmp_path: Path, limit: int, workers: int) -> None:
    tmp_path /= "out"
    words = ("ingest", manifest, "-o", tmp_path / "data.h5", "--keep-going", "--workers", workers)
    done = routenas(*words, limit=limit)
    assert (done.returncode, done.stdout) == (3, b""), done.stderr
    assert lines(done.stderr) == [
        f"routenas: error: {tmp_path / 'data.h5'}: cannot be written, found 'File too large'"
    ]  # fmt: skip
    assert list(tmp_path.iterdir()) == []
    assert routenas(*words, "--resume").returncode == 0


def test_a_search_on_a_full_disk_goes_on_where_there_is_room(made_up_store: Path, tmp_path: Path) -> None:
    """Whatever file it is that has no room, the end is the same as if there had always been enough."""
    options = ("--budget", "smoke", "--final-budget", "smoke", "--finalists", 1, "--final-seeds", 2, "--trials", 8)
    words = ("search", made_up_store, *options)
    assert routenas(*words, "--out", tmp_path / "whole").returncode == 0
    whole = (tmp_path / "whole" / "model" / "weights.safetensors").read_bytes()
    journal = (tmp_path / "whole" / "journal.jsonl").stat().st_size
    seen = set()
    for workers, limit in ((1, 500), (1, journal - 200), (2, len(whole) - 1)):
        out = tmp_path / f"{workers}-{limit}"
        done = routenas(*words, "--out", out, "--workers", workers, "--in-flight", 1, limit=limit)
        assert done.returncode == 3, done.stderr
        last = lines(done.stderr)[-1]
        assert last.endswith("cannot be written, found 'File too large'")
        assert last.startswith(f"routenas: error: {out}{os.sep}")
        seen.add(last.split(": ")[2].rpartition(".")[2])
        assert not [path for path in out.rglob(".*") if path.name != ".lock"]
        again = routenas(*words, "--out", out, "--workers", workers, "--in-flight", 1, "--resume")
        assert again.returncode == 0, again.stderr
        assert (out / "model" / "weights.safetensors").read_bytes() == whole
    assert seen == {"json", "jsonl", "safetensors"}


def test_standard_output_without_room(tmp_path: Path) -> None:
    for unbuffered in ("", "1"):
        words = ("data", "show", example.PLACEMENTS)
        done = routenas(*words, limit=100, shell=f"> '{tmp_path / 'out'}'", PYTHONUNBUFFERED=unbuffered)
        assert done.returncode == 3
        assert lines(done.stderr) == ["routenas: error: standard output: File too large"]


def test_a_log_without_room_costs_the_log_alone(manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 500_000)
    words = ("ingest", manifest, "-o", tmp_path / "data.h5", "--log-file", tmp_path / "log")
    done = routenas(*words, limit=500_000)
    assert done.returncode == 3
    assert lines(done.stderr)[-1].endswith("log: cannot be written, found 'File too large'")
    assert (tmp_path / "log").stat().st_size == 500_000
    assert routenas("data", "verify", tmp_path / "data.h5").returncode == 0


def test_event_files_without_room(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    code = """
import resource, sys
from pathlib import Path
from routenas.show.progress import TensorBoard
from placement_data.errors import WriteError
board = TensorBoard(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
try:
    for number in range(50):
        board.trial(number, 0.5, 0.5)
except WriteError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    (events,) = tmp_path.iterdir()
    text = f"{events}: cannot be written, found 'File too large'\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, text, "")


# ------------------------------------------------------------------------- streams and signals


def test_a_reader_that_leaves(made_up_store: Path) -> None:
    for words in (("--help",), ("score", "--help"), ("--version",), ("data", "show", made_up_store)):
        read, write = os.pipe()
        os.close(read)
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", *map(str, words)], cwd=REPOSITORY, stdout=write, stderr=subprocess.PIPE
        )
        os.close(write)
        assert process.communicate(timeout=120)[1] == b"", words
        assert process.returncode == -signal.SIGPIPE, words


def test_closed_streams(made_up_store: Path, tmp_path: Path) -> None:
    table = routenas("data", "show", made_up_store).stdout
    for shell, out in (("<&-", table), ("2>&-", table), ("<&- 2>&-", table), (">&-", b""), ("<&- >&- 2>&-", b"")):
        done = routenas("data", "show", made_up_store, shell=shell)
        assert (done.returncode, done.stdout, done.stderr) == (0, out, b""), shell
    for shell in (">&-", "<&- >&-"):
        done = routenas("data", "split", made_up_store, "-o", "-", shell=shell)
        assert done.returncode == 3
        assert lines(done.stderr) == [
            "routenas: error: standard output: is closed, expected a place to write to"
        ]  # fmt: skip
    # No file may get the number of a closed stream: what is printed would go into it.
    done = routenas("data", "split", made_up_store, "-o", tmp_path / "s.json", shell="<&- >&- 2>&-")
    assert done.returncode == 0
    assert json.loads((tmp_path / "s.json").read_text())["train"]


def test_names_that_the_terminal_has_no_letters_for(made_up_store: Path, tmp_path: Path) -> None:
    path = tmp_path / "größe-布局.h5"
    path.write_bytes(made_up_store.read_bytes())
    for environment in (
        {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ):  # fmt: skip
        done = routenas("data", "verify", path, **environment)
        assert done.returncode == 0, done.stderr
        done = routenas("data", "verify", tmp_path / "größe-布局", **environment)
        assert done.returncode == 3
        assert len(lines(done.stderr)) == 1
        assert b"internal error" not in done.stderr


def test_an_interrupt_inside_an_executed_text_has_the_same_exit_code(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text(
        "import sys, cli, routenas.show.runs as runs\n"
        "runs.summaries = lambda *_: exec('raise KeyboardInterrupt')\n"
        "sys.argv = ['routenas', 'runs', 'list', '.']\n"
        "cli.main(prog_name='routenas')\n"
    )
    places = os.pathsep.join([str(REPOSITORY), str(tmp_path)])
    done = subprocess.run(
        [sys.executable, "-m", "interrupted"], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": places},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "routenas: error: interrupted\n")


def test_an_interrupt_is_one_line(tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "search", str(example.PLACEMENTS), "--out", str(out), "--trials", "500"],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (out / "config.json").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "" not in lines(errors)
    assert lines(errors)[-1] == "routenas: error: interrupted (the same command with --resume goes on)"
