"""What the terminal shows of ``routenas label``."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from routenas.flow.label.labelling import Sample
from routenas.show.tables import text_table


def labels_table(samples: Sequence[Sample]) -> str:
    """A line a placement: what its routings left, and how far they agree."""
    header = ["sample", "cells", "violated nets", "hot", "agreement", "wire um", "seconds"]
    rows = [
        [
            one.row.sample,
            str(one.routed[0].cells),
            " ".join(map(str, one.violated_nets)),
            f"{fmean(routed.hot_tiles / routed.tiles for routed in one.routed):.1%}",
            "-" if one.agreement is None else f"{one.agreement:.2f}",
            f"{fmean(routed.wirelength_um for routed in one.routed):.0f}",
            f"{fmean(routed.seconds for routed in one.routed):.2f}",
        ]
        for one in samples
    ]
    return text_table(header, rows)
