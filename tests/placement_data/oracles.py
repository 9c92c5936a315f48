"""What the comparison with independent readers needs: real files, their libraries, and a layout as KLayout reads it."""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from placement_data.errors import InputError

_MACRO = re.compile(r"^[ \t]*MACRO[ \t]+(\S+)", re.MULTILINE)
_COMPONENT = re.compile(r"^\s*-\s+(\S+)\s+(\S+)", re.MULTILINE)
_PURPOSES = ("lef_pins", "pins", "obstructions", "blockages", "special_routing", "via_geometry")
Shapes = dict[tuple[str, ...], Any]  # KLayout regions by what the shapes belong to


@dataclass(frozen=True)
class Collection:
    """Real files, unpacked; ``home`` says which LEF files define a master."""

    lef: tuple[Path, ...]
    def_: tuple[Path, ...]
    home: dict[str, Path]


def collect(shared_data: Path, folder: Path) -> Collection:
    """The collection of LEF and DEF, the library of the placements, and the first placement of each design."""
    lef = sorted((shared_data / "placements" / "lef").glob("*.lef.gz"))
    lef += sorted((shared_data / "layouts" / "lef").glob("*.lef.gz"))
    designs = sorted(path for path in (shared_data / "placements").iterdir() if path.name not in ("lef", "large"))
    placed = [min(path.glob("*.def.gz")) for path in designs if path.is_dir()]
    def_ = sorted((shared_data / "layouts" / "def").glob("*.def.gz")) + placed
    lef, def_ = ([unpacked(path, folder) for path in paths] for paths in (lef, def_))
    home = {name: path for path in reversed(lef) for name in _MACRO.findall(path.read_text("latin-1"))}
    return Collection(tuple(lef), tuple(def_), home)


def unpacked(path: Path, folder: Path) -> Path:
    target = folder / f"{path.parent.name}__{path.stem}"
    target.write_bytes(gzip.decompress(path.read_bytes()))
    return target


def accepted(read: Callable[[], Any]) -> Any:
    """What is read, or None where it is refused."""
    try:
        return read()
    except (InputError, RuntimeError):  # KLayout raises RuntimeError
        return None


def load(db: Any, path: Path, dbu: int, lef: Iterable[Path] = ()) -> Any:
    """A file as KLayout reads it: shapes on layers named LAYER.PURPOSE, outlines on OUTLINE."""
    options = db.LoadLayoutOptions()
    config = options.lefdef_config
    config.dbu, config.read_lef_with_def, config.lef_files = 1 / dbu, False, [str(name) for name in lef]
    config.macro_resolution_mode = 1  # the LEF's geometry, whatever FOREIGN says
    config.produce_cell_outlines, config.cell_outline_layer = True, "OUTLINE"
    config.produce_regions, config.region_layer = True, "REGION"
    config.produce_placement_blockages, config.placement_blockage_layer = True, "BLOCKAGE"
    config.produce_routing = config.produce_fills = config.produce_labels = config.produce_lef_labels = False
    config.pin_property_name, config.net_property_name, config.instance_property_name = "pin", "net", "instance"
    for number, purpose in enumerate(_PURPOSES, start=1):
        setattr(config, f"{purpose}_suffix", f".{purpose}")
        setattr(config, f"{purpose}_datatype", number)
    layout = db.Layout()
    layout.read(str(path), options)
    return layout


def regions(db: Any, layout: Any, cell: Any, purpose: str, owner: str | None) -> Shapes:
    """Shapes of one purpose in a cell, by (value of the property ``owner``, layer), or by (layer,)."""
    found: Shapes = defaultdict(db.Region)
    for index in layout.layer_indexes():
        layer, _, suffix = layout.get_info(index).name.rpartition(".")
        if suffix == purpose:
            for shape in cell.each_shape(index):
                key = (layer,) if owner is None else (shape.property(owner), layer)
                found[key].insert(shape.polygon)
    return found


def plain(db: Any, layout: Any, cell: Any, name: str) -> Any:
    """Shapes of a cell on the layer of a name that has no purpose."""
    found = db.Region()
    for index in layout.layer_indexes():
        if layout.get_info(index).name == name:
            found.insert(cell.shapes(index))
    return found


def same(ours: Any, theirs: Any) -> bool:
    """Whether two regions cover the same; by their bounding boxes where KLayout's is not rectilinear."""
    if theirs.non_rectilinear().is_empty():
        return bool((ours ^ theirs).is_empty())
    return bool(ours.bbox() == theirs.bbox())


def library_of(path: Path, files: Collection, folder: Path) -> tuple[Path, ...]:
    """LEF files for a DEF: those that define its masters, and a made-up one where they leave out masters or layers."""
    text = path.read_text("latin-1")
    section = re.search(r"^\s*COMPONENTS\s+\d+\s*;(.*?)^\s*END COMPONENTS", text, re.MULTILINE | re.DOTALL)
    components = dict(_COMPONENT.findall(section[1])) if section else {}
    pins: dict[str, set[str]] = {master: set() for master in components.values() if master not in files.home}
    for owner, pin in re.findall(r"\(\s*([^\s(]+)\s+([^\s)]+)\s*\)", text):
        if components.get(owner) in pins:
            pins[components[owner]].add(pin)
    layers = dict.fromkeys(re.findall(r"\b(?:LAYER|RECT|ROUTED|FIXED|NEW)\s+([A-Za-z]\w*)", text))
    layers.pop("PLACEMENT", None)
    for group in re.findall(r"\+ LAYERS\s+(\S+)\s+(\S+)\s+(\S+)", text):
        layers |= dict.fromkeys(group)
    nangate = "metal1" in layers
    found = [name for name in files.lef if nangate and "nangate45_tech" in name.name]
    if pins or not nangate:
        found.append(folder / f"{path.stem}.lef")
        found[-1].write_text(made_up_lef(pins, ["made_up", *layers]))
    return *found, *sorted({files.home[name] for name in components.values() if name in files.home})


def made_up_lef(pins: dict[str, set[str]], layers: list[str]) -> str:
    """Masters of different odd sizes, whose pins are no mirror images of each other."""
    lines = ["VERSION 5.8 ;", *(f"LAYER {name}\n  TYPE ROUTING ;\nEND {name}" for name in layers)]
    for number, (master, names) in enumerate(sorted(pins.items())):
        lines.append(f"MACRO {master}\n  CLASS CORE ;\n  SIZE {3 + 0.25 * number} BY {1.75 + 0.5 * number} ;")
        for index, pin in enumerate(sorted(names)):
            at = 0.05 * (index % 10)
            lines.append(f"  PIN {pin}\n    PORT\n      LAYER {layers[0]} ;")
            lines.append(f"        RECT {at:.2f} 0.1 {at + 0.2:.2f} {0.2 + at:.2f} ;\n    END\n  END {pin}")
        lines.append(f"END {master}")
    return "\n".join([*lines, "END LIBRARY", ""])


def every_layer(path: Path, folder: Path) -> Path:
    """A technology LEF that defines each layer that a library names."""
    names = dict.fromkeys(re.findall(r"\bLAYER\s+(\w+)", path.read_text("latin-1")))
    made_up = folder / f"{path.stem}.tech.lef"
    made_up.write_text("VERSION 5.8 ;\n" + "".join(f"LAYER {name}\n  TYPE OVERLAP ;\nEND {name}\n" for name in names))
    return made_up


def unescaped(name: str) -> str:
    """A name as KLayout keeps it."""
    return name.replace("\\", "")
