"""What a benchmark needs, said in one line where it is not there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec

from placement_data.errors import RoutenasError


def run(main: Callable[[], None], *packages: str) -> None:
    """Call ``main`` where these packages are installed; end with one line for what is missing or cannot be read."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing and not {"-h", "--help"} & set(sys.argv[1:]):
        sys.exit(f"{sys.argv[0]}: needs {' and '.join(missing)}: pip install {' '.join(missing)}")
    try:
        main()
    except (RoutenasError, OSError) as error:
        sys.exit(f"{sys.argv[0]}: {error}")
