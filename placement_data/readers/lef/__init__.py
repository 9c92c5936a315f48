"""LEF: layers, sites, vias and cell masters, as a ``Library``."""

from placement_data.readers.lef.reader import Library, read_lef

__all__ = ["Library", "read_lef"]
