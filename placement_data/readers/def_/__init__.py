"""DEF: a placement, linked with the library of its LEF files."""

from placement_data.readers.def_.reader import read_def

__all__ = ["read_def"]
