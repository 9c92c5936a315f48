"""Bundles become ``model.onnx``: see `routenas.onnx_model` for what the graph takes and gives.

torch's exporter makes the graph of the networks and of what makes answers of their outputs; trees become one
``TreeEnsemble`` each. Needs the extra ``[onnx]``; what is written was compared with torch on maps of several sizes.
"""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from placement_data.errors import InputError
from placement_data.files import write_bytes
from routenas.baselines.trees import TreeEnsemble
from routenas.bundle import ModelMismatchError, amend_description
from routenas.onnx_model import FACTS, ONNX_FILE, OnnxModel
from routenas.predictor import Predictor
from routenas.tasks.decoding import decoded

OPSET, ML_OPSET = 18, 5
EXAMPLE = (29, 37)
"""Height and width of the map that the exporter sees: no multiple of a power of two, so that networks pad both."""

SIZES = ((1, 1), (2, 3), (7, 16), (31, 1), (32, 32), (45, 90))
TOLERANCE = 1e-5
_TREES = "routenas::Trees"


def installed() -> bool:
    """Whether all is there that an export needs."""
    return all(find_spec(name) is not None for name in ("onnx", "onnxscript", "onnxruntime"))


def write_onnx(folder: Path) -> None:
    """Write ``model.onnx`` into the folder of a bundle, and its SHA-256 into ``model.json``.

    Raises :class:`InputError` where the extra is absent, for a bundle that cannot be read or exported, and where the
    graph answers otherwise than torch; :class:`ModelMismatchError` for a bundle of another task than routability.
    """
    if not installed():
        what = "an export to ONNX needs onnx, onnxscript and onnxruntime"
        raise InputError(what, expected="pip install 'routenas[onnx]'")
    predictor = Predictor.of(folder)
    data = exported(predictor)
    write_bytes(folder / ONNX_FILE, data)
    facts = {"sha256": hashlib.sha256(data).hexdigest(), "inputs_used": list(predictor.inputs_used)}
    amend_description(folder, **{FACTS: facts})


def add_onnx(folder: Path, say: Callable[[str], object]) -> None:
    """:func:`write_onnx` at the end of a training, where the extra is there; ``say`` is told why there is no graph."""
    if not installed():
        return
    try:
        write_onnx(folder)
    except ModelMismatchError:  # a task of one's own, which nothing scores
        return
    except InputError as error:
        say(f"no {ONNX_FILE}, torch will compute in its place: {error}")


def exported(predictor: Predictor) -> bytes:
    """The graph of a predictor: the same bytes for the same bundle and versions of torch and onnx.

    Raises :class:`InputError` for networks that cannot be exported, and for a graph that answers otherwise than torch.
    """
    module = _Whole(predictor).eval()
    channels = len(predictor.card.channels)
    inputs = (torch.rand(channels, *EXAMPLE), torch.ones(EXAMPLE, dtype=torch.bool), torch.tensor(1000))
    height, width = torch.export.Dim.DYNAMIC, torch.export.Dim.DYNAMIC
    try:
        with _quietly(), torch.inference_mode():
            program = torch.onnx.export(
                module, inputs, dynamo=True, verbose=False, opset_version=OPSET,
                dynamic_shapes=({1: height, 2: width}, {0: height, 1: width}, {}),
                input_names=["maps", "inside", "net_count"], output_names=["answer", "member_answers"],
            )  # fmt: skip
    except Exception as error:  # whatever the exporter raises for a module of the user's own
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError("the networks cannot be exported to ONNX", found=reason) from None
    assert program is not None
    data = _finished(program.model_proto, module.trees, predictor)
    _compare(predictor, data)
    return data


class _Whole(nn.Module):
    """From normalised maps to the answers of a predictor and of its members."""

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.card = predictor.card
        self.ensemble = copy.deepcopy(predictor.bundle.ensemble).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        self.trees: list[tuple[TreeEnsemble, bool]] = []  # and whether they answer for each tile
        for owner in list(self.ensemble.modules()):
            for name, part in owner.named_children():
                if isinstance(part, TreeEnsemble):
                    setattr(owner, name, _Trees(part, len(self.trees)))
                    self.trees.append((part, getattr(owner, "output", "") == "map"))

    def forward(self, maps: Tensor, inside: Tensor, net_count: Tensor) -> tuple[Tensor, Tensor]:
        """What `routenas.onnx_model` says."""
        outputs = [output.double() for output in self.ensemble.outputs(maps[None])]  # of trees and networks alike
        answers = [decoded(self.card, each, net_count, inside) for each in (self.ensemble.mean(outputs), *outputs)]
        return answers[0], torch.stack(answers[1:])


class _Trees(nn.Module):
    """A place in the graph for trees: (rows, columns) float32 to (rows,) float64."""

    intercept: Tensor  # float64 ()

    def __init__(self, trees: TreeEnsemble, number: int) -> None:
        super().__init__()
        self.number = number
        self.register_buffer("intercept", trees.intercept)

    def forward(self, rows: Tensor) -> Tensor:
        sums: Tensor = torch.onnx.ops.symbolic(
            _TREES, (rows.double(),), {"number": self.number}, dtype=torch.float64, shape=(rows.shape[0], 1), version=1
        )
        return sums[:, 0] + self.intercept


def _finished(model: Any, trees: Sequence[tuple[TreeEnsemble, bool]], predictor: Predictor) -> bytes:
    """The exporter's model with its trees put in, the facts of the bundle, and without places of code."""
    from onnx import helper

    domain, _, kind = _TREES.partition("::")
    nodes = []
    for node in model.graph.node:
        if (node.domain, node.op_type) == (domain, kind):
            number = next(attribute.i for attribute in node.attribute if attribute.name == "number")
            which, by_tile = trees[number]
            nodes += _inside_alone(tree_node(which, node)) if by_tile else [tree_node(which, node)]
        else:
            del node.metadata_props[:]
            nodes.append(node)
    nodes = [copy.deepcopy(node) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    for part in (model, model.graph):
        del part.metadata_props[:]
    del model.graph.value_info[:]
    names = ("height", "width")
    for each in (*model.graph.input, *model.graph.output):
        sides = [axis for axis in each.type.tensor_type.shape.dim if axis.dim_param]
        for axis, name in zip(sides, names[: len(sides)], strict=True):
            axis.dim_param = name
    del model.opset_import[:]
    model.opset_import.extend([helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)])
    card = predictor.card
    facts = {
        "task": card.name, "channels": card.channels, "channel_version": card.channel_version,
        "normalisation": card.normalisation.to_dict(), "tile_um": card.tile_um, "threshold": predictor.threshold,
        "draws": [member.draws for member in predictor.bundle.members],
    }  # fmt: skip
    helper.set_model_props(model, {name: json.dumps(value) for name, value in facts.items()})
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def tree_node(trees: TreeEnsemble, place: Any) -> Any:
    """The node of `trees` at a place of the graph. Of a tree that is a leaf it makes a question of no consequence."""
    from onnx import helper, numpy_helper

    column, threshold, left, right, value, root = (getattr(trees, name).numpy() for name in TreeEnsemble.SHAPED)
    leaf = left == np.arange(len(left))
    asked = np.concatenate([np.flatnonzero(~leaf), root[leaf[root]]])  # what asks, and the trees that do not
    number = np.where(leaf, np.cumsum(leaf) - 1, np.cumsum(~leaf) - 1)  # among leaves, or among those that ask
    roots = number[root]
    roots[leaf[root]] = np.count_nonzero(~leaf) + np.arange(np.count_nonzero(leaf[root]))

    def tensor(name: str, values: NDArray[Any]) -> Any:
        return numpy_helper.from_array(np.ascontiguousarray(values), name)

    return helper.make_node(
        "TreeEnsemble", list(place.input), list(place.output), place.name, domain="ai.onnx.ml",
        n_targets=1, aggregate_function=1, post_transform=0, tree_roots=roots.tolist(),
        nodes_modes=tensor("nodes_modes", np.zeros(len(asked), np.uint8)),  # below or equal: true
        nodes_featureids=column[asked].tolist(), nodes_splits=tensor("nodes_splits", threshold[asked].astype(float)),
        nodes_truenodeids=number[left[asked]].tolist(), nodes_trueleafs=leaf[left[asked]].astype(int).tolist(),
        nodes_falsenodeids=number[right[asked]].tolist(), nodes_falseleafs=leaf[right[asked]].astype(int).tolist(),
        leaf_targetids=np.zeros(np.count_nonzero(leaf), int).tolist(), leaf_weights=tensor("leaf_weights", value[leaf]),
    )  # fmt: skip


def _inside_alone(trees: Any) -> list[Any]:
    """Nodes that ask trees for the rows of the tiles ``inside`` alone, which is what trees take their time for."""
    from onnx import helper, numpy_helper

    (rows,), (sums,) = list(trees.input), list(trees.output)
    names = ("flat", "of", "places", "chosen", "asked", "shape", "height", "zeros", "row", "one", "size")
    flat, of, places, chosen, asked, shape, height, zeros, row, one, size = (f"{sums}/{name}" for name in names)
    trees.input[0], trees.output[0] = chosen, asked

    def constant(name: str, values: list[int]) -> Any:
        return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(values), name))

    return [
        constant(row, [-1]), constant(one, [1]),
        helper.make_node("Reshape", ["inside", row], [flat]),
        helper.make_node("NonZero", [flat], [of]),
        helper.make_node("Transpose", [of], [places]),
        helper.make_node("GatherND", [rows, places], [chosen]),
        trees,
        helper.make_node("Shape", [rows], [shape], start=0, end=1),
        helper.make_node("Concat", [shape, one], [size], axis=0),
        helper.make_node(
            "ConstantOfShape", [size], [zeros], value=numpy_helper.from_array(np.zeros(1), height)
        ),
        helper.make_node("ScatterND", [zeros, places, asked], [sums]),
    ]  # fmt: skip


def _compare(predictor: Predictor, data: bytes) -> None:
    """Raise :class:`InputError` unless a graph answers as torch does, on maps of several sizes."""
    graph, rng = OnnxModel(data, ()), np.random.default_rng(0)
    for size in SIZES:
        inside = np.ones(size, dtype=bool)
        inside[: size[0] // 3, : size[1] // 2] = False  # a corner off the die
        maps = (rng.standard_normal((len(predictor.card.channels), *size)) * inside).astype(np.float32)
        wanted = predictor.answer(maps, 1000, inside)
        try:
            found = graph.answers(maps, 1000, inside)
        except Exception as error:  # onnxruntime's have no public base class
            raise InputError("the ONNX graph cannot be run", found=str(error)) from None
        for ours, theirs in zip((wanted.value, wanted.members), found, strict=True):
            apart = np.abs(ours - theirs)[~np.isnan(ours)].max() if ours.shape == theirs.shape else np.inf
            if not apart <= TOLERANCE:
                what = f"the ONNX graph answers otherwise than torch on a map of {size[0]} x {size[1]} tiles"
                raise InputError(what, found=f"{apart:.3g}", expected=f"up to {TOLERANCE:g}")


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what the exporter tells of itself."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
