"""``channels.json``: what lies beside maps that routenas exported, and that CircuitNet's layout has no place for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from placement_data.errors import InputError

INDEX_FILE = "channels.json"
SCHEMA = "routenas-circuitnet/1"

Layout = Literal["raw", "training"]


@dataclass(frozen=True)
class Channel:
    """A channel's name, the folder of its maps (raw layout only), and what a stored value is to be multiplied by.

    ``scale`` is None where every map was normalised by its own range, so that no factor leads back.
    """

    name: str
    folder: str = ""
    scale: float | None = 1.0


@dataclass(frozen=True)
class Origin:
    """What is known of one sample beside its maps; the fields are those of ``placement_data.store.Sample``."""

    sample: str
    design: str
    family: str
    net_count: int
    label_kind: str
    hotspot_threshold: float
    grid: Mapping[str, Any]
    attributes: Mapping[str, str]
    routing_layers: str = ""


@dataclass(frozen=True)
class Index:
    """The channels in order, how the maps were prepared, and the samples by file name without suffix.

    ``label_scale`` is what a stored label is to be multiplied by to give violations per tile.
    """

    layout: Layout
    channel_version: str
    channels: tuple[Channel, ...]
    preprocessing: str = "none"
    label_scale: float = 1.0
    samples: Mapping[str, Origin] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text of the file."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def load(cls, folder: Path) -> Index | None:
        """The index of a folder, None where it has none. Raises ``InputError`` for a file that is no index."""
        path = folder / INDEX_FILE
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise InputError("cannot be read", file=path, found=str(error)) from None
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            found = str(value.get("schema")) if isinstance(value, dict) else type(value).__name__
            raise InputError("an index of another schema", file=path, found=found, expected=SCHEMA)
        try:
            return cls._parsed(value)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise InputError("a damaged index", file=path, found=f"{type(error).__name__}: {error}") from None

    @classmethod
    def _parsed(cls, value: Mapping[str, Any]) -> Index:
        if value["layout"] not in ("raw", "training"):
            raise ValueError(f"layout {value['layout']!r}")
        channels = tuple(Channel(**channel) for channel in value["channels"])
        names = [channel.name for channel in channels]
        if not names or len(set(names)) < len(names) or not all(isinstance(name, str) and name for name in names):
            raise ValueError("channel names")
        for channel in channels:
            parts = PurePosixPath(channel.folder).parts
            if ".." in parts or channel.folder.startswith("/"):
                raise ValueError(f"folder {channel.folder!r} lies outside")
        scales = [float(channel.scale) for channel in channels if channel.scale is not None]
        if not all(0 < scale <= 1e12 for scale in [*scales, float(value["label_scale"])]):
            raise ValueError("a scale is not above 0 and at most 1e12")
        samples = {str(name): Origin(**origin) for name, origin in value["samples"].items()}
        if not all(0 <= origin.net_count <= 2**31 for origin in samples.values()):
            raise ValueError("a number of nets is out of range")
        return cls(
            layout=value["layout"],
            channel_version=str(value["channel_version"]),
            channels=channels,
            preprocessing=str(value["preprocessing"]),
            label_scale=float(value["label_scale"]),
            samples=samples,
        )
