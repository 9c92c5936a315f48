"""The trained models that ship with the package, a bundle a task, each with its ``MODEL_CARD.md``.

Wherever a bundle's folder is named, ``pretrained`` names them: all of them where a layout is scored, the one of the
task elsewhere; ``pretrained/hotspots`` names one.
"""

from __future__ import annotations

from pathlib import Path

from placement_data.errors import InputError

NAME = "pretrained"
FOLDER = Path(__file__).parent


def located(model: Path | str, task: str = "") -> tuple[Path, ...]:
    """The folders of bundles that a name means, of a ``task`` if that is told: what it says, unless it is `NAME`.

    A folder of the user's own with this name comes first. Raises :class:`InputError` for a model that does not ship.
    """
    path = Path(model)
    name, *rest = path.parts or ("",)
    if name != NAME or len(rest) > 1 or path.exists():
        return (path,)
    shipped = {each.parent.name: each.parent for each in sorted(FOLDER.glob("*/model.json"))}
    wanted = rest or ([task] if task else list(shipped))
    found = tuple(shipped[each] for each in wanted if each in shipped)
    if not found:
        names = ", ".join(f"{NAME}/{each}" for each in shipped)
        raise InputError(
            "no such model ships with this installation", found=str(model), expected=names or "the folder of a bundle"
        )
    return found
