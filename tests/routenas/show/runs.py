"""Made-up run folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HOSTILE = "</script><img src=x onerror=alert(1)>"


def a_run(folder: Path, records: list[dict[str, Any]]) -> Path:
    """A run folder that was stopped after these trials."""
    budget = {"name": "fast", "epochs": 2}
    settings = {
        "trials": 9, "space": {"space": "flexible"}, "strategy": HOSTILE, "strategy_options": {}, "budget": budget,
        "final_budget": budget, "scheduler": "none", "in_flight": 1, "seed": 0, "finalists": 1, "final_seeds": 1,
    }  # fmt: skip
    folder.mkdir()
    task = {"task": "routability", "name": "hotspots", "data": HOSTILE}
    (folder / "config.json").write_text(json.dumps({"settings": settings, "task": task, "metric": "roc_auc"}))
    (folder / "journal.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


def a_trial(number: int, value: float | None, parameters: float, level: int = 0) -> dict[str, Any]:
    return {
        "trial": number, "hash": f"h{number}", "status": "ok", "value": value, "metrics": {"fidelity": level},
        "message": "" if value is not None else HOSTILE, "costs": {"parameters": parameters}, "seconds": 1.0,
        "epochs": 2.0, "repeated": False, "cpu_seconds": 2.0 + number, "genotype": {"space": "flexible", "values": [0]},
    }  # fmt: skip
