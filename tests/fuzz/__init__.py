"""Broken files in great number: seeded mutations of valid files, and what the readers make of them."""
