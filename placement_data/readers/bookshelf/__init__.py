"""Bookshelf: the placements of academic contests."""

from placement_data.readers.bookshelf.reader import read_bookshelf

__all__ = ["read_bookshelf"]
