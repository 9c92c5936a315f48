"""What the pages say runs: every Python block, and every ``routenas`` line against the command.

A block that is not run has a comment above it that says why: ``<!-- not run: REASON -->``.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

import cli
from placement_data.circuitnet import export_circuitnet
from placement_data.dataset import draw_split
from placement_data.files import write_text
from placement_data.store import Store
from tests.layouts import Layout, write_layout, write_manifest

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
MARK = r"(?:[ ]*<!-- not run(?P<why>[^\n]*) -->\n)?"
BLOCK = re.compile(rf"^{MARK}[ ]*```(?P<kind>\w+)\n(?P<text>.*?)^[ ]*```", re.M | re.S)


def blocks(kind: str, *, all_: bool = False) -> list[tuple[Path, str]]:
    found = [(page, block) for page in PAGES for block in BLOCK.finditer(page.read_text(encoding="utf-8"))]
    return [(page, block["text"]) for page, block in found if block["kind"] == kind and (all_ or block["why"] is None)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, bundles: dict[str, Path], made_up_store: Path) -> Path:
    """A folder with what the pages take for granted: a data set, a split, models, CircuitNet's maps."""
    folder = tmp_path_factory.mktemp("pages")
    shutil.copy(made_up_store, folder / "data.h5")
    write_text(folder / "split.json", str(draw_split(Store(folder / "data.h5"), 0).to_dict()).replace("'", '"'))
    for task, bundle in bundles.items():
        shutil.copytree(bundle, folder / "quickstart" / task / "model")
    export_circuitnet(made_up_store, folder / "routability_features_decompressed", layout="raw")
    return folder


@pytest.mark.parametrize(
    ("page", "code"), blocks("python"), ids=lambda value: value.name if isinstance(value, Path) else ""
)
def test_python_blocks_run(page: Path, code: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "nas-bench-graph" in code and find_spec("nas_bench_graph") is None:
        pytest.skip("nas-bench-graph is not installed")
    monkeypatch.chdir(place)
    exec(compile(code, page.name, "exec"), {"__name__": "snippet"})


def test_every_block_that_is_not_run_says_why() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    marked = re.findall(r"<!-- not run[^\n]* -->", text)
    assert len(marked) == text.count("<!--")
    assert all(re.fullmatch(r"<!-- not run( here)?: \S[^\n]* -->", mark) for mark in marked)
    assert len(blocks("python")) >= 6


def lines_of(text: str) -> list[str]:
    """The ``routenas`` lines of a block of shell, each with its continuations."""
    joined = re.sub(r"\\\n\s*", "", text)
    return [line.strip() for line in joined.splitlines() if line.strip().startswith("routenas ")]


def words_of(line: str) -> tuple[list[str], str]:
    """What the command of a line is given, and the file that its output goes to ("" for none)."""
    words = shlex.split(line, comments=True)[1:]
    end = next((place for place, word in enumerate(words) if word in ("|", ">")), len(words))
    return words[:end], words[end + 1] if words[end : end + 1] == [">"] else ""


@pytest.mark.parametrize(
    "line", [line for _, text in blocks("sh", all_=True) for line in lines_of(text)], ids=lambda line: line[:60]
)
def test_shell_lines_are_what_the_command_takes(line: str) -> None:
    words, _ = words_of(line)
    command: click.Command = cli.main
    while isinstance(command, click.Group):
        name, *words = words
        command = command.commands[name]
    command.make_context(line, list(words))


def test_the_openroad_recipe_of_the_ingest_page(tmp_path: Path, layout: Layout) -> None:
    (block,) = (text for page, text in blocks("sh") if page.name == "ingest.md" and "openroad>" in text)
    lines = [line for line in block.splitlines() if line.startswith(("echo", "routenas"))]
    assert len(lines) == 5
    files = {"tech.lef": layout.lef, "cells.lef": layout.lef, "cpu_1.drc": layout.report}
    for name, path in files.items():
        shutil.copy(path, tmp_path / name)
    shutil.copy(layout.def_, tmp_path / "cpu_1.def")
    (tmp_path / "cells.lef").write_text("VERSION 5.8 ;\nEND LIBRARY\n")
    script = "\n".join([f'routenas() {{ "{sys.executable}" -m cli "$@"; }}', "set -e", *lines])
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 10), done.stderr
    if done.returncode == 0:
        assert "1 placements, 1 designs" in done.stdout


def test_the_lines_of_the_scoring_page_run(
    tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From many layouts to the comparison of two, one after the other."""
    lines = [line for page, text in blocks("sh") if page.name == "scoring.md" for line in lines_of(text)]
    lines = [line for line in lines if "runs/hotspots" not in line]
    assert {shlex.split(line)[1] for line in lines} == {"score", "rank", "compare"}
    monkeypatch.chdir(tmp_path)
    shutil.copy(layout.lef, "tech.lef")
    Path("cells.lef").write_text("VERSION 5.8 ;\nEND LIBRARY\n")
    rows = []
    for name, seed in (("try_1", 3), ("try_2", 4), ("try_3", 5), ("placed", 6)):
        write_layout(tmp_path, "one", seed, lef=layout.lef).def_.rename(f"{name}.def.gz")
        rows.append(f"{name},one,one,tech.lef;cells.lef,{name}.def.gz")
    write_manifest(Path("manifest.csv"), rows, "sample,design,family,lef,def")
    Path("placements").mkdir()
    shutil.copy("try_1.def.gz", "placements")
    for line in lines:
        words, output = words_of(line)
        with pytest.raises(SystemExit) as end:
            cli.main.main(words, prog_name="routenas")
        told = capsys.readouterr()
        assert end.value.code in ((0, 10) if "--fail-if" in words else (0,)), f"{line}\n{told.err}"
        if output:
            Path(output).write_text(told.out)
    made = {"scores/summary.csv", "scores/placed.json", "score.json", "order.json", "order.csv", "changes.json"}
    assert all(Path(path).stat().st_size > 100 for path in made)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_what_the_readme_says(shell: str) -> None:
    assert "_ROUTENAS_COMPLETE=bash_source routenas" in (REPOSITORY / "README.md").read_text(encoding="utf-8")
    code = "import sys, cli; sys.argv[0] = 'routenas'; cli.main(prog_name='routenas')"
    environment = {**os.environ, "_ROUTENAS_COMPLETE": f"{shell}_source"}
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("no bash")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    )
    assert "_ROUTENAS_COMPLETE" in done.stdout


def test_completion_knows_verbs_and_options() -> None:
    code = "import cli; cli.main(prog_name='routenas')"
    cases = {"routenas sc": "score", "routenas score --li": "--liberty", "routenas data sp": "split"}
    for words, wanted in cases.items():
        environment = {**os.environ, "_ROUTENAS_COMPLETE": "bash_complete", "COMP_WORDS": words}
        environment["COMP_CWORD"] = str(len(words.split()) - 1)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
        )
        assert f"plain,{wanted}" in done.stdout.splitlines()


@pytest.mark.parametrize(
    "name", ["batch", "channels", "engine", "executors", "loader", "readers", "scoring", "serving", "tiling"]
)
def test_benchmarks_say_what_they_need(name: str) -> None:
    """Run as a script, a benchmark does not find the packages of the checkout."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-P", str(REPOSITORY / "benchmarks" / f"{name}.py")],
        cwd="/", env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"run 'python -m benchmarks.{name}'" in done.stderr
