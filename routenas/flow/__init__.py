"""Scores in a placement flow: batches of layouts, the order of candidates, what changed, gates."""
