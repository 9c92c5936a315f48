"""The strategy of docs/own-strategy.md, as a user would run it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The two files of the page, in a folder of their own."""
    for block in (ROOT / "docs" / "own-strategy.md").read_text(encoding="utf-8").split("```python\n")[1:]:
        code = block.split("```", 1)[0]
        (tmp_path / code.splitlines()[0].removeprefix("# ")).write_text(code, encoding="utf-8")
    return tmp_path


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


def test_it_passes_the_contract(folder: Path) -> None:
    done = python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_climber.py")
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_the_command_line_finds_it(folder: Path, shared_data: Path) -> None:
    tables = str(shared_data / "nas_tables")
    words = ("benchmark", "nas-bench-201", "--tables", tables, "--queries", "30", "--seeds", "2")
    # -P: like an installed command, python does not look into the working directory.
    for more in ((), ("--workers", "2")):
        done = python(folder, "-P", "-m", "cli", *words, "--strategy", "climber:Climber", *more)
        assert done.returncode == 0, done.stderr
        assert "climber:Climber" in done.stdout
    done = python(folder, "-P", "-m", "cli", *words, "--strategy", "climber:Climbre")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "the module climber has no such search strategy, found 'Climbre'" in done.stderr
