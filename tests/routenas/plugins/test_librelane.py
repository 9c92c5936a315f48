"""The steps for LibreLane, run by LibreLane itself as far as it goes without its tools."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.layouts import Layout

REPOSITORY = Path(__file__).resolve().parents[3]
PLUGINS = REPOSITORY / "routenas" / "plugins"
PAGE = (REPOSITORY / "docs" / "flow.md").read_text(encoding="utf-8")

pytest.importorskip("librelane", reason="routenas[librelane] is not installed", exc_type=ImportError)

# LibreLane brings a warning or two of its own, and finds plug-ins when it is imported: hence a process a test.
PROGRAM = """
import json, sys
from decimal import Decimal
from pathlib import Path as Folder
from librelane import discovered_plugins
assert "torch" not in sys.modules
assert discovered_plugins["librelane_plugin_routenas"].__version__
from librelane.common import Path
from librelane.config import Config
from librelane.flows import Flow
from librelane.state import DesignFormat, State
from librelane.steps import Step, StepError

def config(**own):
    given = json.loads(Folder("layout.json").read_text())
    base = {
        "DESIGN_NAME": "one", "DESIGN_DIR": ".", "PDK": "none", "STD_CELL_LIBRARY": "none", "DEFAULT_CORNER": "nom_tt",
        "TECH_LEFS": {"nom_*": Path(given["lef"])}, "CELL_LEFS": [], "EXTRA_LEFS": None, "PAD_LEFS": None,
        "MACROS": None,
        "ROUTENAS_LIBERTY": None, "ROUTENAS_ROUTING_LAYERS": None, "ROUTENAS_MODELS": given["models"],
        "ROUTENAS_MAX_HOTSPOT_AREA": Decimal("0.02"), "ERROR_ON_ROUTENAS_HOTSPOTS": True,
    }
    return Config({**base, **own})

def start(name, state, **own):
    step = Step.factory.get(name)(config(**own), state, _no_filter_conf=True)
    return step.start(step_dir="run/" + name)

layout = State({DesignFormat.DEF: Path(json.loads(Folder("layout.json").read_text())["def"])})
"""


@pytest.fixture
def folder(tmp_path: Path, layout: Layout, bundles: dict[str, Path]) -> Path:
    models = [str(path) for path in bundles.values()]
    (tmp_path / "layout.json").write_text(
        json.dumps({"lef": str(layout.lef), "def": str(layout.def_), "models": models})
    )
    return tmp_path


def run(folder: Path, code: str) -> tuple[int, str]:
    """Exit code and all that was printed, by a process that finds the plug-in as an installed one."""
    environment = {**os.environ, "PYTHONPATH": f"{PLUGINS}{os.pathsep}{REPOSITORY}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + code], cwd=folder, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def test_a_placement_becomes_metrics_and_a_gate(folder: Path) -> None:
    code, told = run(folder, """
state = start("Routenas.Score", layout)
score = json.loads(Folder("run/Routenas.Score/score.json").read_text())
metrics = {name: value for name, value in state.metrics.items() if name.startswith("routenas__")}
assert metrics["routenas__hotspot__area_frac"] == score["hotspots"]["area_frac"], metrics
assert metrics["routenas__hotspot__expected_tiles"] == score["hotspots"]["expected_tiles"]
assert metrics["routenas__violated_net__predicted"] == score["violated_nets"]["predicted"]
assert metrics["routenas__warning__count"] == len(score["warnings"])
assert state[DesignFormat.DEF] == layout[DesignFormat.DEF]
area = Decimal(str(score["hotspots"]["area_frac"]))
assert 0 < area < 1
start("Checker.RoutenasHotspots", state, ROUTENAS_MAX_HOTSPOT_AREA=area + Decimal("0.001"))
start("Checker.RoutenasHotspots", state, ROUTENAS_MAX_HOTSPOT_AREA=area / 2, ERROR_ON_ROUTENAS_HOTSPOTS=False)
print("not ended")
try:
    start("Checker.RoutenasHotspots", state, ROUTENAS_MAX_HOTSPOT_AREA=area / 2)
except StepError as error:
    print("ended:", type(error).__name__, error)
""")  # fmt: skip
    assert code == 0, told
    assert re.search(r"^not ended$", told, re.M)
    assert re.search(r"^ended: StepError 0\.\d+ of the die's area in predicted hotspots found\.$", told, re.M)


def test_a_layout_that_cannot_be_scored_ends_the_step(folder: Path) -> None:
    (folder / "bad.def").write_text("VERSION 5.8 ;\nDESIGN a ;\nrubbish ;\n")
    code, told = run(folder, """
try:
    start("Routenas.Score", State({DesignFormat.DEF: Path("bad.def")}))
except StepError as error:
    print("ended:", type(error).__name__)
""")  # fmt: skip
    assert code == 0, told
    assert "ended: StepError" in told
    assert "bad.def:3:" in told  # the line of the error is in the log that LibreLane shows
    assert "Traceback" not in told


def test_the_page_puts_the_steps_behind_the_placement(folder: Path) -> None:
    """LibreLane reads the configuration of the page, and finds the variables of the steps in it."""
    (text,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)
    (folder / "config.yaml").write_text(f"{text}PDK: none\nSTD_CELL_LIBRARY: none\nPAD_CELL_LIBRARY: none\n")
    code, told = run(folder, """
meta = Config.get_meta("config.yaml")
flow = Flow.factory.get(meta.flow).Substitute(meta.substituting_steps)
names = [step.id for step in flow.Steps]
place = names.index("OpenROAD.DetailedPlacement")
assert names[place + 1 : place + 3] == ["Routenas.Score", "Checker.RoutenasHotspots"], names
known = [variable for step in flow.Steps[place + 1 : place + 3] for variable in step.config_vars]
kit = ["PDK=none", "STD_CELL_LIBRARY=none", "PAD_CELL_LIBRARY=none"]
found, _ = Config.load(
    "config.yaml", known, config_override_strings=kit, pdk_root=".", pdk="none", _load_pdk_configs=False
)
assert found["ROUTENAS_MODELS"] == ["pretrained/hotspots"]
assert found["ERROR_ON_ROUTENAS_HOTSPOTS"] is True
print(repr(found["ROUTENAS_MAX_HOTSPOT_AREA"]))
""")  # fmt: skip
    assert code == 0, told
    assert "Decimal('0.02')" in told
    assert "ROUTENAS" not in told  # no variable of the page is unknown
