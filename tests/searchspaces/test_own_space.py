"""The code of docs/own-space.md runs as it stands, and pytest finds its space within the contract."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from routenas.testing.spaces import SpaceContract

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENT = REPOSITORY / "docs" / "own-space.md"


def test_the_document(tmp_path: Path) -> None:
    space, use, suite = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.M | re.S)
    for name, text in (("mlp", space), ("use", use), ("test_mlp", suite)):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "use.py"], cwd=tmp_path, env=environment, check=True)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    tests = [name for name in dir(SpaceContract) if name.startswith("test_")]
    assert f"{len(tests)} passed" in done.stdout
