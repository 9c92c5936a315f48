"""The version of the package, which everything that is saved records."""

__version__ = "0.1.0"
