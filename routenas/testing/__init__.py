"""The contract suites of the package, for parts of a user's own: a subclass that makes one gets all tests of its kind.

They need pytest, and nothing else of the package imports them.
"""
