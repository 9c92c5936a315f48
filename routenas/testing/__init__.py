"""The contract suites, for one's own parts too (with pytest): subclass a suite, give its fixture, have all tests."""

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{suite}" for suite in ("above", "estimators", "executors", "spaces", "strategies", "tasks"))
)
