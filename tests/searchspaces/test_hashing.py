from __future__ import annotations

import numpy as np

from searchspaces.hashing import splitmix64


def test_the_generator_of_the_reference() -> None:
    # The generator's state grows by the factor at each step, so its n-th number from seed 0 is that of n: these four
    # are in many test suites of other implementations.
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC]
    assert splitmix64(np.arange(4, dtype=np.uint64), 1).tolist() == expected
