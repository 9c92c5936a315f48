"""The code of docs/own-space.md runs, and its space keeps the contract."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from searchspaces.space import Space
from tests.contracts.spaces import SpaceContract

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "own-space.md"


@pytest.fixture(scope="module")
def own(monkeypatch_module: pytest.MonkeyPatch) -> dict[str, object]:
    """What the document's code defines."""
    blocks = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    module = ModuleType("own_space")  # a real module, so that its space can be pickled
    monkeypatch_module.setitem(sys.modules, "own_space", module)
    for block in blocks:
        exec(compile(block, str(DOCUMENT), "exec"), module.__dict__)
    return module.__dict__


@pytest.fixture(scope="module")
def monkeypatch_module() -> object:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


class TestOwnSpace(SpaceContract):
    @pytest.fixture
    def space(self, own: dict[str, object]) -> Space:
        space = own["space"]
        assert isinstance(space, Space)
        return space

    def inputs(self):  # type: ignore[no-untyped-def]
        import torch

        return (torch.rand(2, 3),)


def test_the_documented_suite_is_the_contract(own: dict[str, object]) -> None:
    suite = own["TestMlpSpace"]
    assert isinstance(suite, type)
    assert issubclass(suite, SpaceContract)
    assert suite().inputs()[0].shape == (2, 3)
