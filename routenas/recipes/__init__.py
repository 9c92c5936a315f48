"""The published systems by name: each composes a space, a strategy and an estimator for a task."""

RECIPES = {"routenas": "routenas.recipes.routenas:compose"}
"""``module:function``, called with the task, the settings and a listener to epochs; it gives `routenas.run.Parts`."""
