"""The scorer: warm, pure, known by content; the JSON against its schema; the codes of warnings."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import placement_data
from placement_data import making
from placement_data.design import Design
from placement_data.making import LayoutFiles, read_layout
from routenas import Bundle, Scorer
from routenas.predictor import Predictor
from routenas.score_warnings import WARNINGS
from tests.layouts import Layout, write_layout
from tests.placement_data.synthetic import synthetic_def

DOCS = Path(__file__).resolve().parents[2] / "docs" / "scoring.md"


@pytest.fixture(scope="module")
def scorer(bundles: dict[str, Path]) -> Scorer:
    return Scorer(list(bundles.values()))


def files(layout: Layout, /, **changes: Any) -> LayoutFiles:
    return dataclasses.replace(LayoutFiles("def", layout.def_, (layout.lef,)), **changes)


def answer(value: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name not in ("timing", "inputs", "key")}


def test_a_design_in_memory_has_the_score_of_its_files(scorer: Scorer, layout: Layout) -> None:
    design = read_layout(files(layout))
    assert isinstance(design, Design)
    first, again = scorer.score(design), scorer.score(design)
    assert answer(first.to_dict()) == answer(again.to_dict()) == answer(scorer.score_files(files(layout)).to_dict())
    assert first.to_dict()["inputs"] == {}
    assert first.to_dict()["key"] is None
    assert scorer.score(design, name="mine").to_dict()["design"] == "mine"
    assert design.name == "one"


def test_models_are_read_once(bundles: dict[str, Path], layout: Layout, tmp_path: Path) -> None:
    shutil.copytree(bundles["hotspots"], tmp_path / "model")
    scorer = Scorer([tmp_path / "model"])
    shutil.rmtree(tmp_path / "model")
    assert scorer.score_files(files(layout)).probability is not None


def test_libraries_are_known_by_what_they_hold(
    scorer: Scorer, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[list[Path]] = []

    def reading(paths: list[Path]) -> Any:
        parsed.append(list(paths))
        return read_lef(paths)

    read_lef = making.read_lef
    monkeypatch.setattr(making, "read_lef", reading)
    making._library.cache_clear()
    text = layout.lef.read_text().replace("END LIBRARY", "FLUXCAPACITOR 1 ;\nEND LIBRARY")
    here, there = tmp_path / "here.lef", tmp_path / "there.lef"
    for path in (here, there):
        path.write_text(text)
    first = scorer.score_files(files(layout, lef=(here,)))
    second = scorer.score_files(files(layout, lef=(there,)))
    assert parsed == [[here]]
    assert "here.lef" in dict(first.warnings)["unknown-word"]
    assert "there.lef" in dict(second.warnings)["unknown-word"]  # what is told is about the file that was given
    assert second.design.sources[0] == str(there)
    assert first.key == second.key
    there.write_text(text.replace("FLUXCAPACITOR 1", "FLUXCAPACITOR 2"))
    assert scorer.score_files(files(layout, lef=(there,))).key != first.key
    assert parsed == [[here], [there]]


def test_the_key_is_all_that_the_answer_depends_on(
    scorer: Scorer, bundles: dict[str, Path], layout: Layout, tmp_path: Path
) -> None:
    key = scorer.score_files(files(layout)).key
    assert scorer.key(files(layout)) == key
    moved = tmp_path / "else.def.gz"
    shutil.copy(layout.def_, moved)
    assert scorer.key(files(layout, layout=moved)) == key  # wherever the files lie
    models = list(bundles.values())
    assert Scorer(models[::-1]).key(files(layout)) == key
    assert Scorer(models, tile_um=scorer.tile_um).key(files(layout)) == key
    others = [
        scorer.key(files(layout), "mine"),
        scorer.key(files(layout, routing_layers="metal2-metal3")),
        scorer.key(files(write_layout(tmp_path, "one", seed=4, lef=layout.lef))),
        Scorer(models, top=3).key(files(layout)),
        Scorer(models, tile_um=2.8).key(files(layout)),
        Scorer(models[:1]).key(files(layout)),
    ]
    assert len({key, *others}) == 1 + len(others)


def test_a_model_is_known_by_its_weights_and_what_it_says(bundles: dict[str, Path], scorer: Scorer) -> None:
    bundle = Bundle.load(bundles["hotspots"])
    whole, weights = bundle.digests
    assert weights == hashlib.sha256((bundles["hotspots"] / "weights.safetensors").read_bytes()).hexdigest()
    assert weights == json.loads((bundles["hotspots"] / "model.json").read_text())["weights_sha256"]
    assert dataclasses.replace(bundle, provenance={"by": "me"}).digests == (whole, weights)
    told = {**bundle.metrics, "search": {**bundle.metrics["search"], "threshold": 0.123}}
    assert dataclasses.replace(bundle, metrics=told).digests[0] != whole
    member = bundle.members[0]
    moved = {name: tensor + 1 for name, tensor in member.weights.items()}
    other = dataclasses.replace(bundle, members=(dataclasses.replace(member, weights=moved), *bundle.members[1:]))
    assert other.digests[0] != whole
    assert other.digests[1] != weights


# --- the JSON -----------------------------------------------------------------------------------------------------


def schema() -> dict[str, Any]:
    found = json.loads((resources("routenas") / "schemas" / "score-1.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def closed(value: Any) -> Any:
    """A schema that takes no key which it does not describe."""
    if isinstance(value, list):
        return [closed(item) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {name: closed(item) for name, item in value.items()}
    return {"additionalProperties": False, **inner} if isinstance(value.get("properties"), dict) else inner


@pytest.mark.parametrize("tasks", [("hotspots", "violated_nets"), ("hotspots",), ("violated_nets",)])
def test_what_is_written_is_what_the_schema_says(
    tasks: tuple[str, ...], bundles: dict[str, Path], layout: Layout, tmp_path: Path
) -> None:
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    validator.check_schema(schema())
    cut = tmp_path / "cut.def"
    text = synthetic_def(150, 3, utilization=0.6, memory=False, name="one")
    area = re.search(r"DIEAREA \( (\S+) (\S+) \) \( (\S+) (\S+) \)", text)
    assert area is not None
    x0, y0, x1, y1 = map(int, area.groups())
    corners = [(x0, y0), (x0, y1), (x1, y1), (x1, y0 + 5600), (x1 - 2800, y0 + 5600), (x1 - 2800, y0)]
    cut.write_text(text.replace(area[0], "DIEAREA " + " ".join(f"( {x} {y} )" for x, y in corners)))
    predictors = [Predictor.of(bundles[task]) for task in tasks]
    if tasks[0] == "hotspots":  # a threshold that leaves regions
        bundle = predictors[0].bundle
        metrics = {**bundle.metrics, "search": {**bundle.metrics["search"], "threshold": 0.0}}
        predictors[0] = dataclasses.replace(predictors[0], bundle=dataclasses.replace(bundle, metrics=metrics))
    scorer = Scorer(predictors, top=2)
    for score in (scorer.score_files(files(layout)), scorer.score_files(files(layout, layout=cut))):
        value = json.loads(json.dumps(score.to_dict(), allow_nan=False))
        validator(closed(schema())).validate(value)
        for wrong in ({**value, "key": "0"}, {**value, "die_um": [0, 1]}, {**value, "grid": [0, 1]}, {"schema": 1}):
            assert not validator(schema()).is_valid(wrong)
    assert bool(value["regions"]) == (tasks[0] == "hotspots")


def test_provenance(scorer: Scorer, layout: Layout) -> None:
    value = scorer.score_files(files(layout)).to_dict()
    assert value["inputs"] == {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in (layout.lef, layout.def_)
    }
    assert value["versions"]["torch"].partition("+")[0] == version("torch").partition("+")[0]
    assert value["versions"]["numpy"] == version("numpy")
    assert value["versions"]["routenas"] == value["routenas"]


def test_the_sum_of_probabilities_and_the_number_of_regions(bundles: dict[str, Path], layout: Layout) -> None:
    score = Scorer([bundles["hotspots"]], top=0).score_files(files(layout))
    assert score.probability is not None
    summary = score.to_dict()["hotspots"]
    assert summary["expected_tiles"] == pytest.approx(float(np.nansum(score.probability)))
    assert score.regions == ()
    assert summary["regions"] == score.region_count == len(Scorer([bundles["hotspots"]], top=10**6)
                                                           .score_files(files(layout)).regions)  # fmt: skip


# --- warnings -----------------------------------------------------------------------------------------------------


def test_the_page_lists_the_codes_of_warnings() -> None:
    section = DOCS.read_text(encoding="utf-8").partition("## Warnings\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", section, re.M) == list(WARNINGS)


def codes_in(path: Path) -> Iterator[str]:
    """Texts in a module that read like codes: where they are yielded, are keys, or are given to a finding."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        texts: list[ast.expr | None] = []
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
            texts = list(node.value.elts[:1])
        elif isinstance(node, ast.Dict):
            texts = list(node.keys)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            refuse = next((word.value for word in node.keywords if word.arg == "refuse"), None)
            refused = isinstance(refuse, ast.Constant) and refuse.value is True
            if node.func.attr in ("add", "tell") and not refused:
                texts = list(node.args[:1])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_tell_unknown":
            texts = list(node.args[1:2])
        for text in texts:
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield text.value


def test_every_code_in_the_code_is_in_the_table() -> None:
    """What the readers note without refusing the file, what a layout lacks, and what scoring itself tells."""
    package = Path(placement_data.__file__).parent
    ours = Path(resources("routenas") / "score_warnings.py")  # type: ignore[arg-type]
    own = [code for code in codes_in(ours) if "-" in code]
    gaps = {code for code in codes_in(package / "gaps.py") if "-" in code} - {"no-components", "no-nets"}
    readers = {
        code
        for path in (package / "cursor.py", *(package / "readers").rglob("*.py"))
        for code in codes_in(path)
        if re.fullmatch(r"(unknown|un)-[a-z]+|duplicate|ignored", code)
    }
    assert {"unknown-via", "unknown-word", "duplicate", "ignored"} <= readers
    assert {*own, *gaps, *readers} <= {*WARNINGS}
    assert {"other-tile", "out-of-range", "routing-layers"} <= {*own}
    assert {*gaps} >= {"no-rows", "no-power-grid", "unplaced-ports"}
