"""Imports between the packages go downwards only, and the command starts without the heavy ones."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Container, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("placement_data", "searchspaces", "routenas")
OURS = {*PACKAGES, "cli"}
ALLOWED = {
    "placement_data": {"placement_data", "numpy", "scipy", "h5py", "torch.utils.data"},
    "searchspaces": {"searchspaces", "numpy", "torch", "torch_geometric"},
}


def imports(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield str(node.module)


def modules(package: str) -> list[Path]:
    found = sorted((REPOSITORY / package).rglob("*.py"))
    assert found
    return found


@pytest.mark.parametrize("package", ALLOWED)
def test_the_lower_packages_import_nothing_above_them(package: str) -> None:
    for path in modules(package):
        for name in imports(path):
            standard = name.partition(".")[0] in sys.stdlib_module_names
            below = any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED[package])
            assert standard or below, f"{path.relative_to(REPOSITORY)} imports {name}"


def test_nothing_imports_the_command_line_or_the_tests() -> None:
    for package in PACKAGES:
        for path in modules(package):
            for name in imports(path):
                upwards = ("cli", "tests", "benchmarks")
                assert name.partition(".")[0] not in upwards or path.name == "__main__.py", path


LAYERS = (
    (
        "version",
        "model_card",
        "pretrained",
        "metrics",
        "results",
        "journal",
        "example",
        "networks",
        "look_up",
        "tiling",
        "budgets",
    ),
    ("interfaces",),
    ("surrogates",),
    ("strategies",),
    ("baselines",),
    ("tasks",),
    ("executor",),
    ("loop",),
    ("training", "architecture"),
    ("estimators", "bundle", "ensembles", "published"),
    ("onnx_model", "torch_model"),
    ("tabular", "predictor", "settings", "score_warnings", "regions"),
    ("causes", "scored"),
    ("recipes", "evaluation", "comparison", "scoring", "finalists", "onnx_export"),
    ("run", "flow", "serving"),
    ("api", "show"),
    ("quickstart",),
    ("commands", "plugins"),
    ("testing",),
)


def test_the_parts_of_routenas_import_downwards() -> None:
    level = {name: number for number, names in enumerate(LAYERS) for name in names}
    for path in modules("routenas"):
        part = path.relative_to(REPOSITORY / "routenas").parts[0].removesuffix(".py")
        if part in ("__init__", "__main__"):  # what is above everything
            continue
        assert part in level, f"{part} has no layer yet"
        for name in imports(path):
            root, _, rest = name.partition(".")
            if root == "routenas" and rest:
                other = rest.partition(".")[0]
                assert other == part or level[other] < level[part], f"{path.name} imports {name}"


def test_the_engine_names_no_task_and_no_single_space() -> None:
    """Search, strategies, estimators, executor, training and run work on whatever keeps the promises."""
    allowed = {"space", "table", "values", "dags", "operators", "hashing"}
    engine = (
        "loop",
        "strategies",
        "estimators",
        "executor",
        "training",
        "budgets",
        "run",
        "settings",
        "interfaces",
        "surrogates",
        "finalists",
        "ensembles",
    )
    for path in modules("routenas"):
        if path.relative_to(REPOSITORY / "routenas").parts[0].removesuffix(".py") not in engine:
            continue
        for name in imports(path):
            assert not name.startswith("routenas.tasks."), f"{path.name} imports {name}"
            assert not name.startswith(("routenas.baselines", "routenas.predictor", "routenas.scoring")), path
            root, _, module = name.partition(".")
            assert root != "searchspaces" or module in allowed, f"{path.name} imports {name}"


def test_no_module_imports_itself_in_a_circle() -> None:
    """Whatever the place of an import: in a function or for types alone, too."""
    files = {path: path.relative_to(REPOSITORY).with_suffix("") for package in PACKAGES for path in modules(package)}
    names = {".".join(place.parts).removesuffix(".__init__"): path for path, place in files.items()}
    graph = {name: {other for other in imported(path, names) if other != name} for name, path in names.items()}
    while leaves := {name for name, others in graph.items() if not others & graph.keys()}:
        graph = {name: others for name, others in graph.items() if name not in leaves}
    assert not graph, sorted(graph)


def imported(path: Path, names: Container[str]) -> Iterator[str]:
    """The modules of ours that a file imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in names else str(node.module)


def test_the_command_starts_without_heavy_modules() -> None:
    heavy = ("torch", "h5py", "numpy", "scipy", "sklearn", "matplotlib", "rich")
    code = f"import sys, cli; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_size_of_files_and_functions() -> None:
    for path in [REPOSITORY / "cli.py", *(path for package in PACKAGES for path in modules(package))]:
        text = path.read_text(encoding="utf-8")
        recipe = path.parent.name == "recipes" and path.name != "__init__.py"
        assert text.count("\n") <= (40 if recipe else 400), path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 60, f"{path.name}: {node.name}"
