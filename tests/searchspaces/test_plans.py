from __future__ import annotations

import pytest

from searchspaces.plans import scaled, sinks


def test_channels_at_a_width() -> None:
    assert [scaled(channels, 0.25) for channels in (1, 2, 10, 32)] == [1, 1, 2, 8]
    for width in (0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=f"the width of a network must be positive, not {width}"):
            scaled(32, width)


def test_sinks_are_nobodys_predecessors() -> None:
    assert sinks((0, 0, 1, 1)) == (2, 3, 4)
    assert sinks((0, 1, 2, 3)) == (4,)
    assert sinks((0, 0, 0, 0)) == (1, 2, 3, 4)
