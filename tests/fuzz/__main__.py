"""``python -m tests.fuzz``: mutate valid files of every format, and let the disk be full at any byte of every writer.

Each is read, written or refused in one line.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.fuzz.runner import Limits, run, summary
from tests.fuzz.targets import TARGETS
from tests.fuzz.worker import Outcome, build
from tests.fuzz.writes import WRITERS

ALL = (*TARGETS, *WRITERS)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--mutations", type=int, default=1000, help="in all, shared by the targets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds-per-file", type=float, default=10.0)
    parser.add_argument("--memory", type=int, default=700, help="megabytes that reading one file may take")
    parser.add_argument("--bombs", type=float, default=0.01, help="share of gzip bombs (for --only: the same)")
    parser.add_argument("--targets", default=",".join(ALL), help="of " + ", ".join(ALL))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", metavar="SEED:INDEX", help="run one case of each target again")
    parser.add_argument("--keep", type=Path, help="with --only: write the case's files to this folder")
    options = parser.parse_args()
    targets = options.targets.split(",")
    unknown = [name for name in targets if name not in ALL]
    if unknown:
        parser.error(f"unknown target {unknown[0]!r}, expected one of {', '.join(ALL)}")
    limits = Limits(options.seconds_per_file, options.memory, options.bombs)
    if options.only:
        seed, index = (int(part) for part in options.only.split(":"))
        cases = [(name, index) for name in targets]
    else:
        seed = options.seed
        cases = [(targets[i % len(targets)], i // len(targets)) for i in range(options.mutations)]
    if options.keep:
        for name, index in cases:
            if name in WRITERS:
                parser.error("the case of a writer has no files")
            folder = options.keep / f"{name}-{seed}-{index}"
            folder.mkdir(parents=True, exist_ok=True)
            build(name, index, seed, options.bombs, folder)
    start = time.perf_counter()
    outcomes = run(cases, seed, limits, options.jobs, _say)
    print(summary(outcomes, seed))
    failures = sum(not outcome.good for outcome in outcomes)
    print(f"{len(outcomes)} cases, {failures} failures, {time.perf_counter() - start:.0f} s")
    return int(failures > 0)


def _say(outcome: Outcome) -> None:
    if not outcome.good:
        print(f"{outcome.target} {outcome.index} {outcome.kind}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
