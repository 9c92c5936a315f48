"""The model bundle: a folder with ``weights.safetensors`` (tensors only, no pickled code) and ``model.json``.

``model.json`` holds each member's architecture as a value, the task's configuration (for routability: the ordered
channels and their version, the normalisation of the training split, what the label was, the tile, the split), metrics
on held-out parts and the provenance: all that using the weights needs. ``MODEL_CARD.md`` says it to people.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from placement_data.errors import InputError, RoutenasError
from placement_data.files import atomic_folder, write_bytes, write_text
from routenas.architecture import Architecture
from routenas.interfaces import Task
from routenas.model_card import model_card
from routenas.pretrained import NAME, located
from routenas.tasks import task_config, task_from_config, task_shape
from routenas.version import __version__

if TYPE_CHECKING:
    from torch import Tensor

    from routenas.networks.ensemble import Ensemble

SCHEMA, SCHEMA_2, SCHEMA_1 = "routenas-model/3", "routenas-model/2", "routenas-model/1"
MODEL_FILE, WEIGHTS_FILE, CARD_FILE = "model.json", "weights.safetensors", "MODEL_CARD.md"


class ModelMismatchError(RoutenasError):
    """A bundle that is intact but does not fit: other channels, another schema, another task."""

    exit_code = 4


@dataclass(frozen=True)
class WeightsFile:
    """The weights of all members of a bundle in their file, which is read, and checked, when they are asked for."""

    path: Path
    sha256: str

    @cached_property
    def states(self) -> dict[int, dict[str, Tensor]]:
        """The weights of each member. Raises :class:`InputError` where they cannot be read or are damaged."""
        states: dict[int, dict[str, Tensor]] = {}
        for key, tensor in _read_weights(self.path, self.sha256).items():
            number, _, name = key.partition(".")
            states.setdefault(int(number), {})[name] = tensor
        return states


@dataclass(frozen=True)
class StoredWeights(Mapping[str, "Tensor"]):
    """The weights of a member, by its number, in their file."""

    file: WeightsFile
    number: int

    def __getitem__(self, name: str) -> Tensor:
        return self.file.states[self.number][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.file.states[self.number])

    def __len__(self) -> int:
        return len(self.file.states[self.number])


@dataclass(frozen=True)
class Member:
    """One trained network of a bundle; it counts ``draws`` times in the mean."""

    architecture: Architecture
    weights: Mapping[str, Tensor]
    draws: int = 1


@dataclass(frozen=True, repr=False)
class Bundle:
    """A trained predictor: the answer is the mean of its ``members``' outputs.

    ``task`` is the configuration of its task (`routenas.tasks.task_config`), ``metrics`` what was measured: under
    ``out_of_fold`` or ``search`` what its members were chosen by, under ``test`` on families that chose nothing.
    """

    task: Mapping[str, Any]
    members: tuple[Member, ...]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        name = self.task.get("name") or str(self.task["task"]).rpartition(":")[2]
        names = ", ".join(dict.fromkeys(member.architecture.name for member in self.members))
        return f"<Bundle of {name}: {names}, {len(self.members)} members>"

    @classmethod
    def of(
        cls, task: Task, members: Sequence[Member], metrics: Mapping[str, Any] | None = None, **provenance: Any
    ) -> Bundle:
        """The bundle of trained members, measured on those of the search and the test part that the task has.

        The test part is read here for the first time. ``metrics`` are others that are known already.
        """
        bundle = cls(task_config(task), tuple(members), {}, provenance)
        parts = [part for part in ("search", "test") if has_part(task, part)]
        measured = {part: task.score(bundle.ensemble, part) for part in parts}
        return replace(bundle, metrics={**(metrics or {}), **measured})

    @property
    def architecture(self) -> Architecture:
        """That of the first member, which counts most."""
        return self.members[0].architecture

    @cached_property
    def ensemble(self) -> Ensemble:
        """The members as one module in evaluation mode."""
        import torch

        from routenas.networks.ensemble import Ensemble

        shape = task_shape(self.task)
        modules = []
        for member in self.members:
            module = member.architecture.build(shape, seed=0)
            module.load_state_dict(dict(member.weights))
            # A CPU's convolutions are about twice as fast with the channels of a tile side by side.
            modules.append(module.to(memory_format=torch.channels_last))  # type: ignore[call-overload]
        return Ensemble(modules, [member.draws for member in self.members]).eval()

    @property
    def inputs_used(self) -> tuple[int, ...]:
        """The indices of the inputs that a member reads: all those of a network without ``inputs_used``."""
        every = range(task_shape(self.task).inputs)
        return tuple(sorted({i for module in self.ensemble.members for i in getattr(module, "inputs_used", every)}))

    def open_task(self) -> Task:
        """The task on its data, which must be where they were. Raises InputError where they are not."""
        return task_from_config(self.task)

    # ------------------------------------------------------------------------ files

    def to_dict(self) -> dict[str, Any]:
        """What ``model.json`` holds, but for the digests of the weights and of itself."""
        return {
            "schema": SCHEMA,
            "routenas": __version__,
            "task": dict(self.task),
            "members": [
                {"architecture": member.architecture.to_dict(), "draws": member.draws} for member in self.members
            ],
            "metrics": dict(self.metrics),
            "provenance": dict(self.provenance),
        }

    @cached_property
    def digests(self) -> tuple[str, str]:
        """SHA-256 of all that its answers depend on, and of its weights, as those of ``weights.safetensors``."""
        weights = self._stored_sha256() or hashlib.sha256(self._packed()).hexdigest()
        told = {name: value for name, value in self.to_dict().items() if name in ("task", "members", "metrics")}
        return _digest({**told, "weights_sha256": weights}), weights

    def _stored_sha256(self) -> str:
        """That of the file that holds the weights of these members and no others; "" where there is none."""
        first = self.members[0].weights
        if not isinstance(first, StoredWeights):
            return ""
        whole = [StoredWeights(first.file, number) for number in range(len(self.members))]
        return first.file.sha256 if [member.weights for member in self.members] == whole else ""

    def _packed(self) -> bytes:
        from routenas.networks.tensors import packed

        members = enumerate(self.members)
        return packed({f"{number}.{name}": each for number, member in members for name, each in member.weights.items()})

    def save(self, folder: Path | str) -> None:
        """Write the bundle; the folder appears (or is replaced) only when it is complete.

        Raises :class:`InputError` where there is something else than a bundle at ``folder``.
        """
        folder = Path(folder)
        check_folder(folder)
        weights = self._packed()
        value = {**self.to_dict(), "weights_sha256": hashlib.sha256(weights).hexdigest()}
        with atomic_folder(folder) as temporary:
            write_bytes(temporary / WEIGHTS_FILE, weights)
            write_text(temporary / MODEL_FILE, _text(value))
            write_text(temporary / CARD_FILE, model_card(value))

    @classmethod
    def load(cls, folder: Path | str, *, weights: bool = True) -> Bundle:
        """Read a bundle, of the former schemas ``routenas-model/1`` and ``/2``, too; ``pretrained`` is one that ships.

        Without ``weights`` these are read and checked when somebody asks for them. Raises :class:`InputError` where it
        is damaged, :class:`ModelMismatchError` where it does not fit.
        """
        places = located(folder)
        if len(places) > 1:
            names = " or ".join(f"{NAME}/{place.name}" for place in places)
            raise InputError("several models ship", found=str(folder), expected=names)
        (folder,) = places
        value = read_description(folder)
        try:
            current = _of_schema_1(value) if value["schema"] == SCHEMA_1 else value
            told = current["members"] if value["schema"] == SCHEMA else _of_schema_2(current)
            bundle = cls(
                task=dict(current["task"]),
                members=_members(told, WeightsFile(folder / WEIGHTS_FILE, str(value["weights_sha256"])), weights),
                metrics=dict(current["metrics"]),
                provenance=dict(current["provenance"]),
            )
            task_shape(bundle.task)
        except InputError as error:
            raise error.inside(folder / MODEL_FILE) from None
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(
                "the model description is incomplete or damaged", file=folder / MODEL_FILE, found=str(error)
            ) from None
        if weights:
            bundle._check_weights(folder)
        return bundle

    def _check_weights(self, folder: Path) -> None:
        import torch

        try:
            _ = self.ensemble
        except InputError as error:
            raise error.inside(folder / MODEL_FILE) from None
        except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
            last = (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
            raise InputError("weights and architecture do not fit", file=folder, found=last) from None
        tensors = (tensor for member in self.members for tensor in member.weights.values())
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors):
            raise InputError("a weight is not a finite number", file=folder / WEIGHTS_FILE)


_CARD = ("channels", "channel_version", "normalisation", "output_scale", "label_kind", "tile_um", "split")


def _of_schema_2(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The members that a description of schema 2 tells: so many of one architecture."""
    return [{"architecture": value["architecture"], "draws": 1} for _ in range(int(value["members"]))]


def _of_schema_1(value: Mapping[str, Any]) -> dict[str, Any]:
    """A description of schema 1, which knew routability alone, in the form of schema 2."""
    threshold = value["threshold"]
    metrics = {part: {**found, "threshold": threshold} for part, found in dict(value["metrics"]).items()}
    if value["task"] == "hotspots":
        metrics.setdefault("search", {"threshold": threshold})
    provenance = dict(value["provenance"])
    data = dict(provenance.get("run", provenance)).get("data", "")
    output = "map" if value["task"] == "hotspots" else "scalar"
    shape = {"inputs": len(value["channels"]), "outputs": 1, "output": output}
    card = {name: value[name] for name in _CARD}
    task = {"task": "routability", "shape": shape, "name": value["task"], "data": data, **card}
    return {**value, "task": task, "metrics": metrics, "provenance": provenance}


def _members(told: Sequence[Mapping[str, Any]], file: WeightsFile, read: bool) -> tuple[Member, ...]:
    if not told or (read and sorted(file.states) != list(range(len(told)))):
        raise ValueError(f"{len(told)} members, weights of {len(file.states)}")
    draws = [member["draws"] for member in told]
    if not all(type(number) is int and number > 0 for number in draws):
        raise ValueError(f"members that count {draws} times")
    architectures = [Architecture.from_dict(member["architecture"]) for member in told]
    return tuple(Member(each, StoredWeights(file, number), draws[number]) for number, each in enumerate(architectures))


def read_description(folder: Path) -> dict[str, Any]:
    """What the ``model.json`` of a bundle holds, whatever its schema. Raises as `Bundle.load`."""
    path = folder / MODEL_FILE
    value = _read_json(path)
    if value.get("schema") not in (SCHEMA, SCHEMA_2, SCHEMA_1):
        raise ModelMismatchError(f"{path}: schema {value.get('schema')!r}, this version reads {SCHEMA!r}")
    if value.get("sha256") != _digest(value):
        raise InputError("the model description is damaged: its SHA-256 is another", file=path)
    return value


def amend_description(folder: Path, **told: Any) -> None:
    """Tell more in the ``model.json`` of a bundle. Raises as `Bundle.load`, and for a file that cannot be written."""
    value = {**read_description(folder), **told}
    write_text(folder / MODEL_FILE, _text(value))


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps({**value, "sha256": _digest(value)}, indent=1, allow_nan=False) + "\n"


def _digest(value: Mapping[str, Any]) -> str:
    """SHA-256 of a description without its own digest, whatever its layout as text."""
    text = json.dumps({name: item for name, item in value.items() if name != "sha256"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        expected = "a folder with model.json"
        near = path.parent / "model" / path.name, path.parent  # where a run's folder, or the file itself, was named
        expected += next((f", as {each.parent}" for each in near if each.name == path.name and each.is_file()), "")
        raise InputError("not a model bundle", file=path, found=error.strerror or "error", expected=expected) from None
    except (ValueError, RecursionError) as error:
        raise InputError("not JSON", file=path, found=str(error)) from None
    if not isinstance(value, dict):
        raise InputError("not a model description", file=path, expected="a JSON object")
    return value


def _read_weights(path: Path, sha256: str) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != sha256:
            raise InputError("the weights are damaged: SHA-256", file=path, found=found[:12], expected=sha256[:12])
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise InputError("the weights cannot be read", file=path, found=str(error)) from None


def has_part(task: Task, part: str) -> bool:
    """Whether a part of a task has any example: a split may have no test part, or nothing to choose by."""
    return next(iter(task.batches(part, 1, np.random.default_rng(0))), None) is not None


def check_folder(folder: Path) -> None:
    """Raise :class:`InputError` unless ``folder`` is absent, empty or a bundle, which a new bundle may replace."""
    if folder.exists() and not folder.is_dir():
        raise InputError("cannot write a bundle here", file=folder, found="a file", expected="a new folder")
    if not folder.exists():
        place = next((parent for parent in folder.absolute().parents if parent.exists()), folder)
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            raise InputError("cannot write a bundle here", file=folder, expected="a folder that can be written to")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MODEL_FILE).is_file():
        raise InputError("cannot write a bundle here", file=folder, found="other files", expected="a new folder")
