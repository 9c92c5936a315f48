"""``model.onnx`` of a bundle: all its members as one graph, from normalised maps to answers, run without torch.

The graph takes ``maps`` (channels, height, width) float32, the normalised maps in the order of the bundle's channels,
``inside`` (height, width), true in tiles on the die, or of hotspots in those alone that are to be answered for, and
``net_count``, the number of signal nets. It gives ``answer``, that of the ensemble, calibrated: probabilities (height,
width) or the violated-net ratio (1,), and ``member_answers``, the same of each member alone, (members, height, width)
or (members, 1). ``model.json`` has its SHA-256 under ``onnx``, and so tells a graph of other weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError, SettingError
from routenas.bundle import read_description

ONNX_FILE, FACTS = "model.onnx", "onnx"
Runtime = Literal["auto", "torch", "onnx"]
"""What computes answers; ``auto`` is onnxruntime where it is installed and the bundle has a graph, else torch."""

RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)
Map = NDArray[np.float64]


@dataclass(frozen=True)
class OnnxModel:
    """The graph of a bundle in memory, and the indices of the inputs that a member reads, for so many ``threads``."""

    data: bytes
    inputs_used: tuple[int, ...]
    threads: int = 1

    @classmethod
    def read(cls, folder: Path, threads: int = 1) -> OnnxModel:
        """That of the bundle in a folder.

        Raises :class:`InputError` where there is none, where it is damaged or of other weights, and where this
        onnxruntime cannot run it.
        """
        path, expected = folder / ONNX_FILE, f"routenas onnx {folder}"
        facts = read_description(folder).get(FACTS)
        if facts is None:
            raise InputError("the bundle has no ONNX graph", file=folder, expected=expected)
        try:
            data = path.read_bytes()
        except OSError as error:
            found = error.strerror or "error"
            raise InputError("the ONNX graph cannot be read", file=path, found=found, expected=expected) from None
        if hashlib.sha256(data).hexdigest() != facts["sha256"]:
            raise InputError("the ONNX graph is damaged or of another model", file=path, expected=expected)
        model = cls(data, tuple(facts["inputs_used"]), threads)
        try:
            _ = model.session
        except Exception as error:  # its exceptions have no public base class
            raise InputError("onnxruntime cannot run the ONNX graph", file=path, found=str(error)) from None
        return model

    @cached_property
    def session(self) -> Any:
        """The ``onnxruntime.InferenceSession``."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        options.enable_cpu_mem_arena = False  # which keeps what the largest layout took
        return onnxruntime.InferenceSession(self.data, options, providers=["CPUExecutionProvider"])

    def __getstate__(self) -> dict[str, Any]:
        """Without the session, which each process makes for itself."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @property
    def version(self) -> dict[str, str]:
        """Name and version of what computes."""
        import onnxruntime

        return {"onnxruntime": str(onnxruntime.__version__)}

    def answers(self, maps: NDArray[np.float32], net_count: int, inside: NDArray[np.bool_]) -> tuple[Map, Map]:
        """The answer and the member answers, of normalised maps; what they say where not ``inside`` means nothing."""
        given = {"maps": maps, "inside": inside, "net_count": np.array(net_count, dtype=np.int64)}
        answer, members = self.session.run(["answer", "member_answers"], given)
        return answer, members


def runtime_of(
    folder: Path, runtime: Runtime, threads: int = 1, say: Callable[[str], object] = lambda line: None
) -> OnnxModel | None:
    """What is to compute the answers of the bundle in a folder; None for torch.

    With ``auto`` a graph that cannot be used is told, and torch computes; with ``onnx`` it is an :class:`InputError`.
    Raises :class:`SettingError` for a runtime that there is not.
    """
    if runtime not in RUNTIMES:
        raise SettingError("no such runtime", found=runtime, expected=" or ".join(RUNTIMES))
    installed = find_spec("onnxruntime") is not None
    if runtime == "onnx":
        if not installed:
            raise InputError("this runtime needs onnxruntime", expected="pip install 'routenas[onnx]'")
        return OnnxModel.read(folder, threads)
    if runtime == "torch" or not installed or not _told(folder):
        return None
    try:
        return OnnxModel.read(folder, threads)
    except InputError as error:
        say(f"{error}; torch computes in its place")
        return None


def _told(folder: Path) -> bool:
    """Whether a bundle has a graph, or a file that should be one."""
    return FACTS in read_description(folder) or (folder / ONNX_FILE).exists()
