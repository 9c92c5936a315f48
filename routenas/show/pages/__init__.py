"""Pages for a browser: a score, a run, a comparison, each one file that needs no network. Needs the extra ``report``.

`routenas.show.pages.frame` makes a page of parts and figures; ``page.css`` and ``page.js`` are what all pages share.
"""

from __future__ import annotations

from importlib.util import find_spec

from placement_data.errors import InputError


def require_bokeh() -> None:
    """Raise :class:`InputError` where bokeh is not installed: to be asked before long work."""
    if find_spec("bokeh") is None:
        raise InputError("pages need bokeh", expected="pip install 'routenas[report]'")
