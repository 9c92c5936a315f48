"""What is typed behind a verb: nothing is dropped silently, and what is wrong ends with the code of its kind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import cli
from placement_data.dataset import split_by_family
from placement_data.errors import InputError
from routenas.commands.verb import Verb
from tests.layouts import Layout, manifest_row, write_manifest
from tests.test_cli import Run, assert_one_line, listing
from tests.test_cli import folder as folder
from tests.test_cli import run as run


def verbs(command: click.Command = cli.main, name: str = "") -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for word, inner in command.commands.items():
            yield from verbs(inner, f"{name} {word}".strip())
    else:
        yield name, command


EVERY_VERB = dict(verbs())
SINGLE = [
    (name, max(option.opts, key=len))
    for name, verb in EVERY_VERB.items()
    for option in verb.params
    if isinstance(option, click.Option) and not (option.multiple or option.is_flag)
]


# --- options of one value, and of several -------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "option"), SINGLE, ids=" ".join)
def test_an_option_of_one_value_is_given_once(run: Run, verb: str, option: str) -> None:
    assert isinstance(EVERY_VERB[verb], Verb)
    done = run(*verb.split(), option, "1", f"{option}=1")
    assert_one_line(done, 2, f"{option} may be given once", f"(see 'routenas {verb} --help')")


def test_short_names_are_counted_with_long_ones_and_flags_are_not(run: Run, made_up_store: Path) -> None:
    assert_one_line(run("data", "split", made_up_store, "-o", "a", "--out", "b"), 2, "--output may be given once")
    assert_one_line(run("ingest", "m.csv", "-oa", "-o", "b"), 2, "--output may be given once")
    assert run("runs", "list", made_up_store.parent, "--json", "--json").code == 3  # no run there


def parsed(verb: str, *words: str) -> dict[str, object]:
    return EVERY_VERB[verb].make_context(verb, list(words), resilient_parsing=False).params


def test_an_option_of_several_values_takes_what_follows() -> None:
    found = parsed("score", "--lef", "a", "b", "c", "--def", "d", "--model", "m", "n", "--lef=e", "f", "--top", "3")
    assert [str(path) for path in found["lef"]] == ["a", "b", "c", "e", "f"]  # type: ignore[attr-defined]
    assert [str(path) for path in found["models"]] == ["m", "n"]  # type: ignore[attr-defined]
    assert ([str(path) for path in found["defs"]], found["top"]) == (["d"], 3)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "words",
    [
        ("m.csv", "--liberty", "a", "b", "-o", "x"),
        ("--liberty", "a", "b", "m.csv", "-o", "x"),
        ("-o", "x", "m.csv", "-q", "--liberty", "a", "b"),
        ("-qo", "x", "--liberty", "a", "--liberty", "b", "m.csv"),
        ("-ox", "--liberty=a", "b", "--keep-going", "m.csv"),
        ("-o", "x", "--liberty", "a", "b", "--", "m.csv"),
    ],
)
def test_the_last_word_is_the_argument_where_there_is_none_yet(words: tuple[str, ...]) -> None:
    found = parsed("ingest", *words)
    assert (str(found["manifest"]), str(found["output"])) == ("m.csv", "x")
    assert [str(path) for path in found["liberty"]] == ["a", "b"]  # type: ignore[attr-defined]


def test_too_many_words_are_still_an_error(run: Run) -> None:
    assert_one_line(run("data", "show", "a.h5", "b.h5"), 2, "unexpected extra argument")
    assert_one_line(run("score", "a.lef", "--lef", "b", "--def", "d", "--model", "m"), 2, "a.lef")


# --- wrong values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "0"])
@pytest.mark.parametrize(
    "words",
    [
        ("search", "d.h5", "--out", "x", "--trial-seconds"), ("search", "d.h5", "--out", "x", "--learning-rate"),
        ("ingest", "m.csv", "-o", "x", "--tile"), ("score", "--lef", "l", "--def", "d", "--model", "m", "--tile"),
        ("evaluate", "d.h5", "--learning-rate"), ("data", "import-circuitnet", "f", "-o", "x", "--tile"),
    ],
    ids=lambda words: f"{words[0]} {words[-1]}",
)  # fmt: skip
def test_numbers_are_finite(run: Run, words: tuple[str, ...], value: str) -> None:
    assert_one_line(run(*words, value), 2, words[-1])


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["search", "DATA", "--task", "foo"], "no such task, found 'foo', expected hotspots or violated_nets"),
        (["search", "DATA", "--budget", "foo"], "no such budget, found 'foo', expected smoke, fast, full"),
        (["search", "DATA", "--strategy", "foo"], "no such search strategy, found 'foo', expected bernoulli or"),
        (["search", "DATA", "--recipe", "foo"], "no such recipe, found 'foo', expected routenas"),
        (["search", "DATA", "--scheduler", "foo"], "found 'foo', expected none or halving or median"),
        (["search", "DATA", "--executor", "foo"], "found 'foo', expected in-process or processes or ray"),
        (["search", "DATA", "--space", "foo"], "no space has the name 'foo', expected auto-gnn or darts or"),
        (["search", "DATA", "--space-option", "foo=1"], "foo"),
        (["search", "DATA", "--space-option", "preset=foo"], "foo"),
        (["search", "DATA", "--space-option", "preset=7"], "7"),
        (["search", "DATA", "--space-option", "preset=paper", "preset=extended"], "the option preset is set twice"),
        (["search", "DATA", "--strategy", "multi-objective", "--strategy-option", "costs=foo"], "a list of texts"),
        (
            ["search", "DATA", "--strategy", "multi-objective", "--strategy-option", 'costs=["foo"]'],
            "no such cost of a trial, found 'foo', expected parameters or multiplications",
        ),
        (["search", "DATA", "--strategy", "guided", "--strategy-option", "floor=abc"], "floor of the search strategy"),
        (["search", "DATA", "--strategy", "guided", "--strategy-option", "floor=NaN"], "must be a number"),
        (["search", "DATA", "--strategy", "guided", "--strategy-option", "floor=7"], "floor"),
        (["search", "DATA", "--strategy", "guided", "--strategy-option", "bounds=[1]"], "bounds of the search"),
        (["search", "DATA", "--strategy", "random", "--strategy-option", "distinct=7"], "must be true or false"),
        (["search", "DATA", "--strategy", "exhaustive", "--strategy-option", "score=abc"], "must be set in Python"),
        (["search", "DATA", "--strategy", "random", "--strategy-option", "initial=[[1]]"], "initial"),
        (["search", "DATA", "--strategy", "predictor", "--strategy-option", "surrogate=foo"], "no such surrogate"),
        (["search", "DATA", "--workers", "99999999"], "99999999 is not in the range 1<=x<=1024"),
        (["train", "DATA", "--predictor", "unet", "--threads", "99999999"], "is not in the range 1<=x<=1024"),
        (["train", "DATA", "--predictor", "unet", "--seed", "9" * 30], "is not in the range 0<=x<="),
        (["search", "DATA", "--workers", "2", "--executor", "in-process"], "one trial at a time runs in-process"),
        (["search", "DATA", "--address", "auto"], "only the executor ray has an address"),
        (["train", "DATA", "--predictor", "foo"], "expected fcn or fcn-paper or pros or"),
        (["evaluate", "DATA", "--baselines", "foo"], "no such baseline"),
        (["evaluate", "DATA", "--part", "foo"], "'foo' is not one of 'search', 'test'"),
        (["ingest", "MANIFEST", "--channels", "foo"], "unknown channel set, found 'foo', expected routenas17 or"),
        (["data", "split", "DATA", "--parts", "train=6,test=2"], "does not name train, search and test once each"),
        (["data", "split", "DATA", "--parts", "train=6,search=2,test=2,test=1"], "once each"),
        (["data", "split", "DATA", "--parts", "train=0,search=6,test=2"], "a share that is no positive number"),
        (["data", "split", "DATA", "--parts", "train=6,search=nan,test=2"], "a share that is no positive number"),
        (["data", "split", "DATA", "--parts", "6/2/2"], "is not of the form train=5,search=2,test=3"),
        (["data", "split", "DATA", "--leave-out", "foo"], "the design to leave out, found 'foo', expected f0, f1"),
        (["benchmark", "foo"], "no such table, found 'foo', expected nas-bench-201 or"),
        (["benchmark", "nas-bench-101"], "comes from a folder of tables only, expected --tables FOLDER"),
        (["benchmark", "nas-bench-201", "--strategy", "foo"], "no such search strategy"),
        (["benchmark", "nas-bench-201", "--surrogate", "foo"], "expected boosting or gaussian-process or graph or"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_wrong_values_of_options_end_with_2(
    run: Run, tmp_path: Path, made_up_store: Path, folder: Path, words: list[str], what: str
) -> None:
    places = {"DATA": made_up_store, "MANIFEST": folder / "manifest.csv"}
    outputs = {"search": ("--out", tmp_path / "x"), "train": ("--out", tmp_path / "x")}
    outputs["ingest"] = ("-o", tmp_path / "x")
    before = listing(tmp_path)
    done = run(*(places.get(word, word) for word in words), *outputs.get(words[0], ()))
    assert_one_line(done, 2, what)
    assert listing(tmp_path) == before
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('budget = "foo"', "no such budget, found 'foo'"),
        ("budget = 7", "a budget is a name or a table of values"),
        ('strategy = "foo"', "no such search strategy"),
        ('scheduler = "foo"', "no such scheduler"),
        ('strategy = "guided"\n[strategy_options]\nfloor = "abc"', "floor of the search strategy guided must be"),
        ('[space]\nspace = "foo"', "no space has the name 'foo'"),
        ('[space]\nspace = "nas-bench-201"', "map"),
        ('[task]\ntask = "foo"', "no such task, found 'foo', expected routability"),
        ('[task]\ntask = "tests.adapters.digits:Letters"', "has no such task"),
        ('[task]\nnmae = "hotspots"', "no such setting of the task, found 'nmae'"),
        ('task = "hotspots"', "the task of the settings is no table"),
    ],
)
def test_wrong_settings_in_a_file_end_with_3_and_name_it(
    run: Run, tmp_path: Path, made_up_store: Path, text: str, what: str
) -> None:
    config = tmp_path / "c.toml"
    config.write_text(f"{text}\n")
    data = () if "task = " in text else (made_up_store,)
    done = run("search", *data, "--config", config, "--out", tmp_path / "x")
    assert_one_line(done, 3, f"{config}: ", what)
    assert not (tmp_path / "x").exists()


def test_a_budget_in_a_file_may_be_a_name(run: Run, tmp_path: Path, made_up_store: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('trials = 1\nfinalists = 1\nfinal_seeds = 1\nbudget = "smoke"\nfinal_budget = "smoke"\n')
    assert run("search", made_up_store, "--config", config, "--out", tmp_path / "run").code == 0
    assert 'name = "smoke"' in (tmp_path / "run" / "run.toml").read_text()


def test_the_settings_of_a_task_of_one_s_own_run_again(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text(
        'trials = 1\nfinalists = 1\nfinal_seeds = 1\nbudget = "smoke"\nfinal_budget = "smoke"\n'
        '[space]\nspace = "nas-bench-201"\n[task]\ntask = "tests.adapters.digits:Digits"\nexamples = 60\n'
    )
    first = run("search", "--config", config, "--out", tmp_path / "first")
    assert first.code == 0, first.err
    again = run("search", "--config", tmp_path / "first" / "run.toml", "--out", tmp_path / "again", "--seed", 0)
    assert again.code == 0, again.err
    tasks = [json.loads((tmp_path / name / "config.json").read_text())["task"] for name in ("first", "again")]
    assert tasks[0] == tasks[1]
    assert tasks[0]["examples"] == 60
    words = ("search", "--config", config, "--out", tmp_path / "x")
    assert_one_line(run(*words, "--task", "hotspots"), 2, "leave out --task")
    assert_one_line(run(*words[:1], tmp_path, *words[1:]), 2, "leave out PATH")
    config.write_text(config.read_text().replace("examples", "exampels"))
    assert_one_line(run(*words), 3, "own.toml: the task tests.adapters.digits:Digits cannot be made", "exampels")


# --- names of models ----------------------------------------------------------------------------------------------


def test_models_are_called_by_the_end_of_their_path(run: Run, tmp_path: Path, bundles: dict[str, Path]) -> None:
    from routenas.commands.evaluate import _named_models

    def names(*models: str, taken: tuple[str, ...] = ("unet",)) -> list[str]:
        return list(_named_models(models, taken))

    assert names("runs/a/model", "runs/b/model") == ["a", "b"]
    assert names("models/a", "models/b") == ["a", "b"]
    assert names("x/run/model", "y/run/model", "z") == ["x/run", "y/run", "z"]
    assert names("models/unet") == ["models/unet"]
    assert names("best=models/a", "other/best") == ["best", "other/best"]
    (tmp_path / "lr=1").mkdir()
    assert names(f"{tmp_path}/lr=1") == ["lr=1"]
    for twice in (("a", "./a"), ("n=a", "n=b"), ("unet=a",), ("a/model", "a")):
        with pytest.raises(click.UsageError, match="two rows of one name"):
            names(*twice)


def test_two_models_of_one_folder_are_compared(
    run: Run, tmp_path: Path, made_up_store: Path, bundles: dict[str, Path]
) -> None:
    for name in ("one", "two"):
        shutil.copytree(bundles["hotspots"], tmp_path / name)
    words = ("evaluate", made_up_store, "--model", tmp_path / "one", tmp_path / "two", "--baselines", "none")
    done = run(*words, "--json", tmp_path / "t.json")
    assert done.code == 0, done.err
    assert [row["name"] for row in json.loads((tmp_path / "t.json").read_text())["rows"]] == ["one", "two"]


# --- manifests and splits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["lef", "def", "report", "report_repeats"])
def test_ingest_goes_on_behind_an_absent_file(run: Run, folder: Path, layout: Layout, column: str) -> None:
    header = "sample,design,family,lef,def,report,label_kind,report_repeats"
    good = manifest_row(layout, "one/1", "one").split(",")
    bad = ["gone/1", "gone", "gone", *good[3:]]
    bad[header.split(",").index(column)] = "not-there"
    write_manifest(folder / "manifest.csv", [",".join(bad), ",".join(good)], header)
    words = ("ingest", folder / "manifest.csv", "-o", folder / "data.h5")
    message = f"manifest.csv:2: a file of column '{column}' does not exist, found 'not-there'"
    assert_one_line(run(*words), 3, message)
    assert not (folder / "data.h5").exists()
    for workers in (1, 2):
        done = run(*words, "--keep-going", "--workers", workers, "--force")
        assert done.code == 3
        assert f"routenas: skipped gone/1: {folder / message}" in done.err
        assert "1 placements: 0 unchanged, 1 read, 1 skipped" in done.out
    write_manifest(folder / "manifest.csv", [",".join(bad)], header)
    assert_one_line(run(*words, "--keep-going", "--force", "-q"), 3, message)


def test_shares_and_designs_left_out(run: Run, tmp_path: Path, made_up_store: Path) -> None:
    words = ("data", "split", made_up_store, "--seed", 3)
    found = json.loads(run(*words, "--parts", "train=4,search=1,test=1").out)
    assert [len(found[part]) for part in ("train", "search", "test")] == [4, 1, 1]
    assert json.loads(run(*words, "--parts", "test=0.3,train=.5,search=0.2").out) == json.loads(run(*words).out)
    everything = json.loads(run(*words, "--parts", "train=1,search=0,test=0").out)
    assert everything == {"train": [f"f{number}" for number in range(6)], "search": [], "test": []}
    done = run(*words, "--leave-out", "f2", "--out", tmp_path / "s.json")
    assert done.code == 0, done.err
    value = json.loads((tmp_path / "s.json").read_text())
    assert value["test"] == ["f2"]
    assert sorted(value["train"] + value["search"]) == ["f0", "f1", "f3", "f4", "f5"]
    assert json.loads(run(*words, "--leave-out", "f2", "f4").out)["test"] == ["f2", "f4"]
    everything = [word for number in range(5) for word in ("--leave-out", f"f{number}")]
    assert_one_line(run(*words, *everything), 3, "too few design families to split beside those left out", "found '1'")


def test_too_few_families_say_what_to_do() -> None:
    with pytest.raises(InputError, match="found '2', expected at least 3, one for each of train, search, test: ingest"):
        split_by_family(["cpu", "cpu", "dsp"], 0)
