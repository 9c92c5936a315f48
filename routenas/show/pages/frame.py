"""A page: parts of HTML, figures of bokeh, and the script and the style that all pages share, in one file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

from bokeh.document import Document
from bokeh.resources import Resources

from routenas.version import __version__

INK, PAPER, BLUE, ORANGE, GREEN, GREY = "#1f2430", "#ffffff", "#0072b2", "#d55e00", "#009e73", "#8a8f98"
"""Colours of lines and points: of the palette of Okabe and Ito (2008), which the colour-blind tell apart."""


@dataclass(frozen=True)
class Markup:
    """HTML as it is; everything else that goes into a page is text, and escaped."""

    html: str


def markup(value: object) -> str:
    """HTML of a value: markup as it is, text escaped, quotes too."""
    return value.html if isinstance(value, Markup) else escape(str(value))


def section(title: str, *parts: Markup) -> Markup:
    """Parts under a heading."""
    return Markup(f"<section><h2>{escape(title)}</h2>\n" + "\n".join(part.html for part in parts) + "\n</section>")


def paragraph(text: str, kind: str = "") -> Markup:
    """A paragraph of text, with a class of the style."""
    return Markup(f'<p class="{escape(kind)}">{escape(text)}</p>')


def place(name: str) -> Markup:
    """Where the figure of this name stands."""
    return Markup(f'<div class="figure" data-figure="{escape(name)}"></div>')


def tiles(values: Sequence[tuple[str, object]]) -> Markup:
    """The few numbers that a reader looks for first: what each is, and its value."""
    cells = "".join(f"<div><b>{markup(value)}</b><span>{escape(name)}</span></div>" for name, value in values)
    return Markup(f'<div class="tiles">{cells}</div>')


def table(header: Sequence[str], rows: Sequence[Sequence[object]], marks: str = "") -> Markup:
    """A table; with ``marks``, the name of what they mark on a figure, its rows can be clicked: row i marks box i."""
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = []
    for number, row in enumerate(rows):
        click = f' data-{marks}="{number}" tabindex="0"' if marks else ""
        body.append(f"<tr{click}>" + "".join(f"<td>{markup(cell)}</td>" for cell in row) + "</tr>")
    lines = "\n".join(body)
    return Markup(
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>'
    )


def number(value: float | None, digits: int = 3) -> str:
    """A number for people, or a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}f}"


def page(title: str, subtitle: str, parts: Sequence[Markup], figures: Mapping[str, Any], **facts: Any) -> str:
    """The whole page. ``figures`` are bokeh's, by the name of their `place`; ``facts`` are for ``page.js``.

    Equal arguments have equal pages, whatever was drawn in this process before.
    """
    own = files("routenas.show.pages")
    script = "\n".join(Resources(mode="inline", components=["bokeh"]).js_raw)
    data = json.dumps({**_document(figures), **facts}, allow_nan=False).replace("<", "\\u003c")
    body = "\n".join(part.html for part in parts)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="routenas {escape(__version__)}">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>
{(own / "page.css").read_text(encoding="utf-8")}</style>
</head>
<body>
<header><div><h1>{escape(title)}</h1><p>{escape(subtitle)}</p></div>
<button type="button" id="theme" title="light or dark">&#9680; light / dark</button></header>
<main>
{body}
</main>
<footer>routenas {escape(__version__)}</footer>
<script type="application/json" id="data">{data}</script>
<script>
{script}
</script>
<script>
{(own / "page.js").read_text(encoding="utf-8")}</script>
</body>
</html>
"""


def _document(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures as one document of bokeh in JSON, and the identity of each by name.

    Bokeh counts all models of a process: they are counted anew, in the order in which they stand.
    """
    document = Document()
    for figure in figures.values():
        document.add_root(figure)
    told = json.loads(json.dumps(document.to_json(deferred=False)))  # tuples as lists
    names = {id_: f"m{count}" for count, id_ in enumerate(dict.fromkeys(_identities(told)))}
    roots = {name: names[figure.id] for name, figure in figures.items()}
    return {"document": _renamed(told, names), "roots": roots}


def _identities(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("id"), str):
            yield value["id"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _identities(item)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: names[item] if key == "id" and item in names else _renamed(item, names)
                for key, item in value.items()}  # fmt: skip
    return [_renamed(item, names) for item in value] if isinstance(value, list) else value
