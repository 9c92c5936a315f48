"""``routenas onnx``."""

from __future__ import annotations

from pathlib import Path

import click

from routenas.commands import FILE, example
from routenas.commands.verb import verb


@verb(epilog=example("routenas onnx runs/hotspots/model"))
@click.argument("bundle", type=FILE)
def onnx(bundle: Path) -> None:
    """Write the graph that onnxruntime scores with, model.onnx, into the folder of a bundle.

    'search' and 'train' do so where the extra [onnx] is installed; this is for a bundle from elsewhere, or a graph that
    is damaged. The graph takes raw feature maps of any height and width, and answers as the bundle does, to 1e-5.
    """
    from routenas.onnx_export import write_onnx
    from routenas.onnx_model import ONNX_FILE
    from routenas.pretrained import located

    for folder in located(bundle):
        write_onnx(folder)
        path = folder / ONNX_FILE
        click.echo(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
