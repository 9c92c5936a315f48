"""How the words behind a verb are read: an option of one value stands once, one of several takes all that follow."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click


class Number(click.FloatRange):
    """A finite number; click's own range lets NaN through."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Raises UsageError for what is none, is not finite or out of range."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class DataArgument(click.Argument):
    """The argument PATH, which the option ``--data`` may take the place of."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"required": False, "type": click.Path(path_type=Path), **options})


class Verb(click.Command):
    """A command of which nothing that was typed is dropped silently.

    An option of one value that is given twice is an error: which of the two was meant cannot be known. An option that
    may be repeated takes all words up to the next option, too, so that a pattern of the shell (``--lef *.lef.gz``) is
    one option. Where an argument of the verb is still to come, the last of these words is it.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Command.parse_args`. Raises UsageError for an option of one value that is there twice."""
        args = list(self._repeated(args))
        if not ctx.resilient_parsing:
            _, _, order = self.make_parser(ctx).parse_args(list(args))
            single = [param for param in order if isinstance(param, click.Option) and not self._may_repeat(param)]
            for param in single:
                if single.count(param) > 1:
                    what = "may be given once; which of its values is meant is not clear"
                    raise click.UsageError(f"{max(param.opts, key=len)} {what}", ctx)
        return super().parse_args(ctx, args)

    @staticmethod
    def _may_repeat(option: click.Option) -> bool:
        return option.multiple or option.is_flag or option.count

    def _repeated(self, words: Sequence[str]) -> Iterator[str]:
        """The words, with the name of an option that may be repeated before each of its values."""
        names = {name: param for param in self.params if isinstance(param, click.Option) for name in param.opts}
        instead = any(word.partition("=")[0] == "--data" for word in words)
        wanted = sum(
            isinstance(param, click.Argument) and (param.required or (isinstance(param, DataArgument) and not instead))
            for param in self.params
        )
        runs = list(_runs(words, names))
        lacking = wanted - sum(len(spare) for _, several, spare in runs if not several)
        for taken, several, spare in runs:
            yield from taken
            own = len(spare) - max(0, min(lacking, len(spare))) if several else 0
            lacking -= len(spare) - own if several else 0
            yield from (word for value in spare[:own] for word in (several, value))
            yield from spare[own:]


def _runs(words: Sequence[str], names: dict[str, click.Option]) -> Iterator[tuple[list[str], str, list[str]]]:
    """An option with its value, its name where it may be repeated (else ""), and the words without option behind it."""
    taken: list[str] = []
    spare: list[str] = []
    several, rest = "", list(words)
    while rest:
        word = rest.pop(0)
        if word == "-" or not word.startswith("-"):
            spare.append(word)
            continue
        yield taken, several, spare
        if word == "--":  # only arguments are behind it
            yield [word], "", rest
            return
        name, equals, _ = word.partition("=")
        if not word.startswith("--"):  # -o FILE, -oFILE, -qo FILE
            letters = [f"-{letter}" for letter in word[1:]]
            name = next((each for each in letters if each in names and not names[each].is_flag), letters[-1])
            equals = "" if name == letters[-1] else "="
        option = names.get(name)
        taken, spare = [word], []
        if option is not None and not option.is_flag and not equals and rest:
            taken.append(rest.pop(0))
        several = name if option is not None and option.multiple else ""
    yield taken, several, spare


class Verbs(click.Group):
    """A group of verbs."""

    command_class = Verb


verb = partial(click.command, cls=Verb)
"""Makes a function a verb: as ``click.command``."""

POSITIVE = Number(min=0, min_open=True)
SEEDS = click.IntRange(0, 2**62 - 1)
PROCESSES = click.IntRange(1, 1024)
"""So many processes, or threads, start at once: beyond this a number is a slip of the keyboard."""
