"""The parts of `searchspaces`: no circle of imports, no task in it, one file and one network a space."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from searchspaces.table import SPACES

PACKAGE = Path(__file__).resolve().parents[2] / "searchspaces"
TREES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
TASKS = ("hotspot", "violat", "drc", "routab", "placement", "congest")


def imported(tree: ast.Module) -> set[str]:
    """The modules of the package that a module imports at its top, in a function or for types alone."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name.removeprefix("searchspaces.") for name in found if name.startswith("searchspaces.")} & set(TREES)


def in_order(graph: dict[str, set[str]]) -> list[str]:
    return list(TopologicalSorter(graph).static_order())


def test_imports_form_no_circle() -> None:
    graph = {name: imported(tree) for name, tree in TREES.items()}
    assert {"space", "flexible_network"} <= graph["flexible"]  # also what is imported in a function
    assert in_order(graph)
    with pytest.raises(CycleError):
        in_order({**graph, "plans": {"flexible"}})


def names_and_options(tree: ast.Module) -> list[str]:
    """All identifiers and all strings but docstrings."""
    texts = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in texts:
            found.append(node.value)
        found += [value for field, value in ast.iter_fields(node) if field != "value" and isinstance(value, str)]
    return found


@pytest.mark.parametrize("name", TREES)
def test_no_task_is_named(name: str) -> None:
    found = names_and_options(TREES[name])
    assert not [text for text in found for task in TASKS if task in text.lower()]


def test_a_named_task_would_be_found() -> None:
    tree = ast.parse('"""Of hotspots."""\ndef of_hotspots(violated_nets):\n    return violated_nets == "DRC"\n')
    assert names_and_options(tree) == ["of_hotspots", "violated_nets", "violated_nets", "DRC"]


def test_nothing_above_is_imported() -> None:
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not [module for module in modules if module.startswith(("routenas", "placement_data"))], name


def test_a_space_is_a_file_and_a_test() -> None:
    for target in SPACES.values():
        name = target.removeprefix("searchspaces.").partition(":")[0]
        assert name in TREES
        assert (Path(__file__).parent / f"test_{name}.py").exists()
