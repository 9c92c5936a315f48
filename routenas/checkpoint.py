"""The model bundle: a folder with ``weights.safetensors`` (tensors only, no pickled code) and ``model.json``.

``model.json`` says everything that scoring needs: the architecture as a value, the ordered channels and their version,
the normalisation of the training split, what the label was, the tile, the split, and the metrics on held-out designs.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from placement_data.dataset import Normalisation, Split
from placement_data.errors import InputError, RoutenasError
from placement_data.features import CHANNEL_SETS, ChannelSet
from placement_data.store import atomic_folder
from routenas import __version__
from routenas.baselines import baseline
from routenas.baselines import load as load_baseline
from routenas.tasks.routability import TASKS, OutputScale, TaskName, decode, resample
from routenas.training import seeded
from searchspaces.space import Genotype, Space, TaskShape
from searchspaces.table import space_from_config

SCHEMA = "routenas-model/1"
MODEL_FILE, WEIGHTS_FILE = "model.json", "weights.safetensors"


class ModelMismatchError(RoutenasError):
    """A bundle that is intact but does not fit: other channels, another schema, another task."""

    exit_code = 4


def searched(space: Space, genotype: Genotype) -> dict[str, Any]:
    """The architecture value of a genotype."""
    return {
        "kind": "searched",
        "space": space.config(),
        "genotype": json.loads(genotype.to_json()),
        "hash": genotype.hash,
    }


def hand_crafted(name: str) -> dict[str, Any]:
    """The architecture value of a baseline network."""
    return {"kind": "hand-crafted", "name": name}


def task_shape(task: TaskName, channels: int) -> TaskShape:
    """What a network of the task must fit."""
    return TaskShape(channels, 1, "map" if task == "hotspots" else "scalar")


def build(architecture: Mapping[str, Any], task: TaskName, channels: int, seed: int) -> nn.Module:
    """A new module from an architecture value, its weights drawn from ``seed``. ValueError for a value that is none."""
    if architecture["kind"] == "searched":
        genotype = Genotype.from_json(json.dumps(architecture["genotype"]))
        space = space_from_config(architecture["space"])  # refuses a space of which this version has another
        return space.build(genotype, task_shape(task, channels), seed=seed)
    if architecture["kind"] != "hand-crafted":
        raise ValueError(f"architecture kind {architecture['kind']!r}")
    if baseline(task, str(architecture["name"])).kind != "network":
        raise InputError("only networks can be built from an architecture", found=str(architecture["name"]))
    with seeded(seed):
        module: nn.Module = load_baseline(task, str(architecture["name"]))(channels=channels)
    return module


@dataclass(frozen=True)
class Bundle:
    """A predictor ready to use. ``weights`` are the members' state dicts (one a training seed); answers are their mean.

    ``threshold`` is the probability above which a tile counts as a hotspot (best F1 on the search split; None for the
    violated-net task). ``metrics`` holds what was measured on the search and test splits.
    """

    task: TaskName
    architecture: Mapping[str, Any]
    weights: tuple[Mapping[str, Tensor], ...]
    normalisation: Normalisation
    output_scale: OutputScale
    label_kind: str
    tile_um: float
    split: Split
    channels: tuple[str, ...]
    channel_version: str
    threshold: float | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def modules(self) -> tuple[nn.Module, ...]:
        """The members as modules in evaluation mode."""
        members = []
        for state in self.weights:
            module = build(self.architecture, self.task, len(self.channels), seed=0)
            module.load_state_dict(dict(state))
            # A CPU's convolutions are about twice as fast with the channels of a tile side by side.
            members.append(module.eval().to(memory_format=torch.channels_last))  # type: ignore[call-overload]
        return tuple(members)

    @property
    def channel_set(self) -> ChannelSet:
        """The channels to make of a layout.

        Raises :class:`ModelMismatchError` for a model of maps that came from elsewhere (an imported data set).
        """
        found = self._set()
        if found is None:
            raise ModelMismatchError(
                f"the model's channels {self.channel_version} cannot be made from a layout, "
                f"expected {' or '.join(channels.version for channels in CHANNEL_SETS.values())}"
            )
        return found

    def _set(self) -> ChannelSet | None:
        wanted = self.channel_version, self.channels
        return next((each for each in CHANNEL_SETS.values() if (each.version, each.channels) == wanted), None)

    def members(self) -> tuple[Bundle, ...]:
        """A bundle of one member each."""
        return tuple(replace(self, weights=(state,)) for state in self.weights)

    def predict(self, features: NDArray[np.float32], net_count: int) -> NDArray[np.float64]:
        """Hotspot probabilities (rows, columns), or the violated-net ratio (1,).

        ``features`` are raw feature maps (channels, rows, columns).
        """
        inputs = torch.from_numpy(self.normalisation.apply(features))[None].to(memory_format=torch.channels_last)
        answers = []
        with torch.inference_mode():
            for module in self.modules:
                resize = getattr(module, "resize", None)
                output = module(resample(inputs, resize) if resize else inputs)
                answers.append(decode(self.task, output, net_count, self.output_scale))
        return np.asarray(np.mean(answers, axis=0), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """What ``model.json`` holds, but for the digests of the weights and of itself."""
        return {
            "schema": SCHEMA,
            "routenas": __version__,
            "task": self.task,
            "architecture": dict(self.architecture),
            "members": len(self.weights),
            "channels": list(self.channels),
            "channel_version": self.channel_version,
            "normalisation": self.normalisation.to_dict(),
            "output_scale": asdict(self.output_scale),
            "label_kind": self.label_kind,
            "tile_um": self.tile_um,
            "threshold": self.threshold,
            "split": self.split.to_dict(),
            "metrics": dict(self.metrics),
            "provenance": dict(self.provenance),
        }

    def save(self, folder: Path) -> None:
        """Write the bundle; the folder appears (or is replaced) only when it is complete.

        Raises :class:`InputError` where there is something else than a bundle at ``folder``.
        """
        check_folder(folder)
        tensors = {
            f"{member}.{name}": tensor.contiguous()
            for member, state in enumerate(self.weights)
            for name, tensor in state.items()
        }
        with atomic_folder(folder) as temporary:
            save_file(tensors, temporary / WEIGHTS_FILE)
            digest = hashlib.sha256((temporary / WEIGHTS_FILE).read_bytes()).hexdigest()
            value = {**self.to_dict(), "weights_sha256": digest}
            text = json.dumps({**value, "sha256": _digest(value)}, indent=1, allow_nan=False)
            (temporary / MODEL_FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Bundle:
        """Read a bundle.

        Raises :class:`InputError` where it is damaged, :class:`ModelMismatchError` where it does not fit.
        """
        value = _read_json(folder / MODEL_FILE)
        if value.get("schema") != SCHEMA:
            raise ModelMismatchError(
                f"{folder / MODEL_FILE}: schema {value.get('schema')!r}, this version reads {SCHEMA!r}"
            )
        if value.get("sha256") != _digest(value):
            raise InputError("the model description is damaged: its SHA-256 is another", file=folder / MODEL_FILE)
        try:
            bundle = cls._from_dict(value, _read_weights(folder / WEIGHTS_FILE, value))
        except InputError as error:
            raise error.inside(folder / MODEL_FILE) from None
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(
                "the model description is incomplete or damaged", file=folder / MODEL_FILE, found=str(error)
            ) from None
        if bundle.channel_version.partition("/")[0] in CHANNEL_SETS and bundle._set() is None:
            raise ModelMismatchError(
                f"{folder / MODEL_FILE}: channels {bundle.channel_version} are not those of this version"
            )
        bundle._check_weights(folder)
        return bundle

    @classmethod
    def _from_dict(cls, value: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Bundle:
        if value["task"] not in TASKS:
            raise ValueError(f"task {value['task']!r}")
        states: dict[int, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            member, _, name = key.partition(".")
            states.setdefault(int(member), {})[name] = tensor
        if not states or sorted(states) != list(range(len(states))) or value["members"] != len(states):
            raise ValueError(f"{value['members']} members, weights of {len(states)}")
        threshold = None if value["threshold"] is None else float(value["threshold"])
        if value["task"] == "hotspots" and not 0 <= (-1.0 if threshold is None else threshold) <= 1:
            raise ValueError(f"threshold {threshold}")
        normalisation = Normalisation.from_dict(value["normalisation"])
        if len(normalisation.mean) != len(value["channels"]):
            raise ValueError(f"normalisation of {len(normalisation.mean)} channels")
        scale = OutputScale(**{name: float(number) for name, number in value["output_scale"].items()})
        if not all(math.isfinite(number) for number in (*asdict(scale).values(), float(value["tile_um"]))):
            raise ValueError("a number is not finite")
        return cls(
            task=value["task"],
            architecture=dict(value["architecture"]),
            weights=tuple(states[member] for member in sorted(states)),
            normalisation=normalisation,
            output_scale=scale,
            label_kind=str(value["label_kind"]),
            tile_um=float(value["tile_um"]),
            split=Split.from_dict(value["split"]),
            channels=tuple(value["channels"]),
            channel_version=str(value["channel_version"]),
            threshold=threshold,
            metrics=dict(value["metrics"]),
            provenance=dict(value["provenance"]),
        )

    def _check_weights(self, folder: Path) -> None:
        try:
            _ = self.modules
        except InputError as error:
            raise error.inside(folder / MODEL_FILE) from None
        except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
            last = (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
            raise InputError("weights and architecture do not fit", file=folder, found=last) from None
        if not all(bool(torch.isfinite(tensor).all()) for state in self.weights for tensor in state.values()):
            raise InputError("a weight is not a finite number", file=folder / WEIGHTS_FILE)


def _digest(value: Mapping[str, Any]) -> str:
    """SHA-256 of a description without its own digest, whatever its layout as text."""
    text = json.dumps({name: item for name, item in value.items() if name != "sha256"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            "not a model bundle", file=path, found=error.strerror or "error", expected="a folder with model.json"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError("not JSON", file=path, found=str(error)) from None
    if not isinstance(value, dict):
        raise InputError("not a model description", file=path, expected="a JSON object")
    return value


def _read_weights(path: Path, value: Mapping[str, Any]) -> dict[str, Tensor]:
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != value["weights_sha256"]:
            raise InputError(
                "the weights are damaged: SHA-256",
                file=path,
                found=found[:12],
                expected=str(value["weights_sha256"])[:12],
            )
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise InputError("the weights cannot be read", file=path, found=str(error)) from None


def check_folder(folder: Path) -> None:
    """Raise :class:`InputError` unless ``folder`` is absent, empty or a bundle, which a new bundle may replace."""
    if folder.exists() and not folder.is_dir():
        raise InputError("cannot write a bundle here", file=folder, found="a file", expected="a new folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MODEL_FILE).is_file():
        raise InputError("cannot write a bundle here", file=folder, found="other files", expected="a new folder")


def best_threshold(labels: Sequence[NDArray[np.uint8]], probabilities: Sequence[NDArray[np.float64]]) -> float:
    """The probability that gives the best F1 over all tiles; ties go to the larger."""
    truth = np.concatenate([label.ravel() for label in labels])
    scores = np.concatenate([probability.ravel() for probability in probabilities])
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + max(int(truth.sum()), 1))
    last = np.append(np.diff(scores[order]) != 0, True)
    return float(scores[order][np.argmax(np.where(last, f1, -1.0))])
