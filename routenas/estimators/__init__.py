"""The estimators, and the schedules above an executor by name."""

SCHEDULERS = {
    "none": "routenas.estimators.fidelities:LastFidelity",
    "halving": "routenas.estimators.halving:SuccessiveHalving",
    "median": "routenas.estimators.early_stop:MedianStopped",
}
"""Each is called with the executor of a `Fidelities` and the number of its fidelities."""
