"""A few of the mutations, and whether the runner sees what goes wrong; ``python -m tests.fuzz`` runs many more."""

from __future__ import annotations

import gzip
import io
import random

from tests.fuzz import mutate
from tests.fuzz.faulty import KINDS
from tests.fuzz.runner import Limits, failure, run, summary
from tests.fuzz.targets import TARGETS
from tests.fuzz.writes import WRITERS

SEED = 20
EACH = 15


def test_every_broken_file_is_read_or_refused_in_one_line() -> None:
    cases = [(target, index) for index in range(EACH) for target in TARGETS]
    outcomes = run(cases, SEED, Limits(seconds=10.0, bombs=0.0))
    assert [failure(outcome, SEED) for outcome in outcomes if not outcome.good] == []
    for target in TARGETS:
        refused = sum(outcome.target == target and outcome.kind == "refused" for outcome in outcomes)
        assert refused >= EACH // 5, target


def test_every_write_that_fails_leaves_all_as_it_was() -> None:
    cases = [(name, index) for index in range(EACH) for name in WRITERS]
    outcomes = run(cases, SEED, Limits())
    assert [failure(outcome, SEED) for outcome in outcomes if not outcome.good] == []
    for name in WRITERS:
        refused = sum(outcome.target == name and outcome.kind == "refused" for outcome in outcomes)
        assert refused >= EACH // 5, name


def test_the_runner_sees_what_a_reader_must_not_do() -> None:
    outcomes = run([("faulty", index) for index in range(len(KINDS))], 0, Limits(seconds=1.0, memory_mb=500))
    assert [outcome.kind for outcome in outcomes] == list(KINDS.values())
    text = summary(outcomes, 0)
    assert text.startswith(f"faulty          {len(KINDS)} cases: ")
    assert text.count("FAILURE --targets faulty --only 0:") == len(KINDS) - 2


def test_a_case_is_the_same_whenever_it_is_made() -> None:
    data = "".join(f"- u{i} CELL + PLACED ( {i} 0 ) N ;\n" for i in range(50)).encode()
    made = [[mutate.mutate(data, random.Random(f"7:{i}"), bombs=0.0) for i in range(300)] for _ in range(2)]
    assert made[0] == made[1]
    assert len({changed for _, changed in made[0]}) > 250
    names = {name for chosen, _ in made[0] for name in chosen.split("+")}
    assert {mutation.__name__ for mutation in mutate.SMALL} <= names


def test_a_bomb_is_a_small_file_that_unpacks_to_a_large_one() -> None:
    bomb = mutate.bomb(b"VERSION 5.8 ;\nEND DESIGN\n", random.Random(1))
    assert len(bomb) < mutate.BOMB_SIZE / 100
    size = 0
    with gzip.open(io.BytesIO(bomb)) as stream:
        while block := stream.read(1 << 24):
            size += len(block)
    assert mutate.BOMB_SIZE * 0.99 < size < mutate.BOMB_SIZE * 1.01
