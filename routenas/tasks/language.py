"""The next word of plain text, or its next character or byte."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, from_numpy
from torch.nn import functional

from placement_data.errors import InputError, SettingError
from routenas.budgets import Budget
from routenas.interfaces import Forward
from routenas.tasks.text_files import END, PARTS, UNITS, cut, lines_of, located, numbers, read, vocabulary_of
from searchspaces.space import TaskShape

COLUMNS = 64
"""Pieces of a text that are judged side by side, and lines that are answered for at once."""
IGNORED = -100
"""The target of what fills up a column: `torch.nn.functional.cross_entropy` leaves it out."""

Batch = tuple[Tensor, Tensor, bool]
"""Tokens (T, B), the tokens after them (T, B), and whether the text begins here."""


class LanguageTask:
    """The next token of a text, judged by minus the mean cross-entropy in nats; ``perplexity`` is its exponential.

    ``data`` is a folder or a file. In a folder the file of each part is the one that the option ``train``, ``search``
    or ``test`` names, else another that is called so (``train``; ``valid``, ``val`` or ``dev``; ``test``, as in
    wiki.train.tokens). A part without a file shares that of another (the search part that of the test part, and the
    other way round; else that of the training part), and one file is that of all parts. A file is cut among its parts
    into pieces one after the other, in the ratio of ``search_share``, ``test_share`` and the rest.

    ``unit`` is "words", "characters" or "bytes". The vocabulary is that of the training part: ``vocabulary_size`` most
    frequent tokens (all by default), all others being one unknown token. A batch of B examples is B pieces of the text
    side by side; in training, gradients go back through ``steps`` tokens, and states are handed on. Raises InputError
    for text that cannot be learnt from, and SettingError for an option.
    """

    name, metric, output = "language", "negative_loss", "tokens"
    told = ("data", "train", "search", "test", "unit", "vocabulary_size", "steps", "search_share", "test_share")
    budgets: Mapping[str, Budget] = {
        "smoke": Budget("smoke", epochs=1, batch=64, learning_rate=1e-2, evaluations=1),
        "fast": Budget("fast", epochs=4, batch=64, learning_rate=1e-2, evaluations=2),
        "full": Budget("full", epochs=20, batch=64, learning_rate=1e-2, evaluations=10),
    }

    def __init__(
        self,
        data: Path | str,
        *,
        train: str = "",
        search: str = "",
        test: str = "",
        unit: str = "words",
        vocabulary_size: int | None = None,
        steps: int = 35,
        search_share: float = 0.1,
        test_share: float = 0.1,
    ) -> None:
        if unit not in UNITS:
            raise SettingError("no such unit of text", found=unit, expected=", ".join(UNITS))
        for name, number, least in (("vocabulary_size", vocabulary_size, 2), ("steps", steps, 1)):
            if number is not None and (type(number) is not int or number < least):
                raise SettingError(f"{name} must be a whole number", found=number, expected=f"{least} or more")
        for name, share in (("search_share", search_share), ("test_share", test_share)):
            if type(share) not in (int, float) or not 0 <= share < 1:
                raise SettingError(f"{name} must be a share", found=share, expected="0 or more, below 1")
        if search_share + test_share >= 1:
            raise SettingError("nothing is left to train on", found=f"{search_share} and {test_share} taken away")
        self.data, self.unit, self.vocabulary_size, self.steps = (
            str(Path(data).absolute()),
            unit,
            vocabulary_size,
            steps,
        )
        self.train, self.search, self.test = train, search, test
        self.search_share, self.test_share = search_share, test_share
        self.data_sha256, texts = self._read()
        self.vocabulary = vocabulary_of(texts["train"], vocabulary_size)
        self.shape = TaskShape(len(self.vocabulary), len(self.vocabulary), "tokens")
        index = {token: place for place, token in enumerate(self.vocabulary)}
        self.texts = {part: from_numpy(numbers(texts[part], index)) for part in PARTS}
        self._state: Any = None

    def _read(self) -> tuple[str, dict[str, Sequence[str]]]:
        """The SHA-256 of all files together, and the tokens of each part."""
        files = located(Path(self.data), {part: getattr(self, part) for part in PARTS})
        shares = {
            "train": 1 - self.search_share - self.test_share, "search": self.search_share, "test": self.test_share,
        }  # fmt: skip
        texts: dict[str, Sequence[str]] = {}
        digests = []
        for path in dict.fromkeys(files.values()):
            text, digest = read(path, self.unit)
            pieces = cut(UNITS[self.unit](text), {part: shares[part] for part in PARTS if files[part] == path})
            texts |= pieces
            digests.append(digest)
            for part, piece in pieces.items():
                if len(piece) < 2 and (shares[part] or len(pieces) == 1):
                    what, expected = f"too short a text for the {part} part", "2 tokens or more"
                    raise InputError(what, file=path, found=f"{len(piece)} {self.unit}", expected=expected)
        return hashlib.sha256("".join(digests).encode()).hexdigest(), texts

    # ------------------------------------------------------------------ as a value

    def config(self) -> dict[str, Any]:
        """JSON values: the options, and what follows from the text."""
        options = {name: getattr(self, name) for name in self.told}
        return {**options, "data_sha256": self.data_sha256, "vocabulary": list(self.vocabulary)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LanguageTask:
        """The task of a `config`; what follows from the text is worked out of it again."""
        return cls(**{name: value for name, value in config.items() if name in cls.told})

    # -------------------------------------------------------------------- training

    def batches(self, part: str, size: int, rng: np.random.Generator) -> Iterator[Batch]:
        """The text in ``size`` columns, from a random one of its first ``steps`` tokens on, in windows of ``steps``.

        The end that does not fill all columns is left out. Raises InputError for a text with fewer tokens than columns.
        """
        text = self.texts[part]
        if len(text) < 2:
            return
        length = (len(text) - 1) // size
        if not length:
            what, expected = f"the {part} part is too short for a batch", f"{size + 1} or more"
            raise InputError(what, file=self.data, found=f"{len(text)} {self.unit}", expected=expected)
        spare = len(text) - 1 - length * size
        start = int(rng.integers(min(self.steps, spare + 1)))
        before, after = (text[start + ahead :][: length * size].view(size, length).T for ahead in (0, 1))
        for place in range(0, length, self.steps):
            yield before[place : place + self.steps], after[place : place + self.steps], place == 0

    def loss(self, forward: Forward, batch: Batch) -> Tensor:
        """Cross-entropy, mean over tokens. The state goes on to the next window of the same text, its gradient not."""
        tokens, targets, first = batch
        logits, state = forward(tokens, None if first else self._state)
        self._state = _detached(state)
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    # --------------------------------------------------------------------- judging

    @torch.inference_mode()
    def score(self, forward: Forward, part: str) -> dict[str, Any]:
        """``negative_loss`` and ``perplexity`` of all tokens of a part but its first; None where the part is empty.

        The text is judged in `COLUMNS` pieces side by side, each of them with a state from nothing. Raises
        FloatingPointError for an answer that is not finite.
        """
        text = self.texts[part]
        if len(text) < 2:
            return dict.fromkeys(("negative_loss", "perplexity"))
        columns = min(COLUMNS, -(-(len(text) - 1) // self.steps))
        length = -(-(len(text) - 1) // columns)
        fill = length * columns - (len(text) - 1)
        before = functional.pad(text[:-1], (0, fill)).view(columns, length).T
        after = functional.pad(text[1:], (0, fill), value=IGNORED).view(columns, length).T
        losses = _losses(forward, before, after, self.steps)
        return _metrics(float(losses.sum()), len(text) - 1)

    def example(self) -> tuple[Tensor, None]:
        """Tokens (T, 1), of one window, and no state."""
        return self.texts["train"][: self.steps, None], None

    @classmethod
    def predictions(cls, config: Mapping[str, Any], forward: Forward, data: Path) -> Iterator[dict[str, Any]]:
        """How well new text is told: a row for each line of a file that is not empty, or each file of a folder.

        A line or file stands for itself: its first token follows the end of a line. Of its ``tokens`` so many are
        ``unknown``.
        """
        vocabulary, unit = config["vocabulary"], str(config["unit"])
        index = {token: place for place, token in enumerate(vocabulary)}
        start = index.get(END if unit == "words" else "\n", 0)
        texts = _new_texts(data, unit)
        for place in range(0, len(texts), COLUMNS):
            several = texts[place : place + COLUMNS]
            rows = [from_numpy(numbers(UNITS[unit](text), index)) for _, text in several]
            after = torch.nn.utils.rnn.pad_sequence(rows, padding_value=IGNORED)
            before = torch.cat([torch.full_like(after[:1], start), after[:-1].clamp(min=0)])
            losses = _losses(forward, before, after, int(config["steps"])).sum(0)
            for (told, _), row, loss in zip(several, rows, losses.tolist(), strict=True):
                yield {**told, "tokens": len(row), "unknown": int((row == 0).sum()), **_metrics(loss, len(row))}


def _new_texts(data: Path, unit: str) -> list[tuple[dict[str, Any], str]]:
    """Each text that is not empty, and what it is called. Raises InputError where there is none."""
    if data.is_dir():
        files = [path for path in sorted(data.iterdir()) if path.is_file()]
        found: list[tuple[dict[str, Any], str]] = [({"file": path.name}, read(path, unit)[0]) for path in files]
    else:
        found = [({"line": number}, line) for number, line in enumerate(lines_of(read(data, unit)[0]), 1)]
    found = [each for each in found if each[1].strip()]
    if not found:
        raise InputError("there is no text", file=data)
    return found


def _losses(forward: Forward, before: Tensor, after: Tensor, steps: int) -> Tensor:
    """The cross-entropy of each token (T, B), in nats: 0 for what is `IGNORED`. ``before`` are the tokens in front."""
    state, found = None, []
    for tokens, targets in zip(torch.split(before, steps), torch.split(after, steps), strict=True):
        logits, state = forward(tokens, state)
        found.append(functional.cross_entropy(logits.mT, targets, ignore_index=IGNORED, reduction="none"))
    losses = torch.cat(found).double()
    if not torch.isfinite(losses).all():
        raise FloatingPointError("the answer for a token is not finite")
    return losses


def _metrics(loss: float, tokens: int) -> dict[str, float]:
    """Of the summed loss of so many tokens; a perplexity beyond what a number can be is the largest."""
    mean = loss / tokens
    return {"negative_loss": -mean, "perplexity": math.exp(min(mean, 700.0))}


def _detached(state: Any) -> Any:
    """A state, whatever it is made of, without its gradient."""
    return state.detach() if isinstance(state, Tensor) else type(state)(_detached(each) for each in state)
