"""Whether a DEF and its LEF speak of the same lengths."""

from __future__ import annotations

import numpy as np

from placement_data.design import Rows, Sites
from placement_data.errors import InputError
from placement_data.orientation import Orientation

TOLERANCE = 0.01


def require_same_scale(rows: Rows, sites: Sites, dbu_per_micron: int, file: str) -> None:
    """Raise ``InputError`` where the DEF's rows are the LEF's sites at another scale: UNITS that are not the file's.

    Nothing else in a DEF tells: with wrong units every cell is merely too small or too large for its place. The rows
    do, since they step by a site's width and lie a site's height apart. Only when both are off by one and the same
    factor are the units to blame; a row may step by more than its site.
    """
    for name, width, height in zip(sites.name, sites.width, sites.height, strict=True):
        upright = np.isin(rows.orientation, (Orientation.N, Orientation.S, Orientation.FN, Orientation.FS))
        own = (rows.site == name) & upright & (rows.count[:, 0] > 1)
        pitch = np.diff(np.unique(rows.origin[own, 1]))
        if not pitch.size or not width > 0 or not height > 0:
            continue
        across = float(np.median(rows.step[own, 0])) / (width * dbu_per_micron)
        along = float(pitch.min()) / (height * dbu_per_micron)
        if abs(across - 1) > TOLERANCE and abs(across / along - 1) < TOLERANCE:
            raise InputError(
                f"UNITS do not fit the LEF: the rows of site {name} are {across:.4g} times its size",
                file=file,
                found=f"DISTANCE MICRONS {dbu_per_micron}",
                expected=f"{dbu_per_micron * across:.6g}, or the LEF of this DEF",
            )
