"""``routenas serve``."""

from __future__ import annotations

import gc
import ipaddress
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from placement_data.errors import InputError
from routenas.commands import FILE, THREADS, example
from routenas.commands.score import TILE
from routenas.commands.verb import POSITIVE, verb

_BYTES = click.IntRange(min=1)


@verb(
    epilog=example(
        "routenas serve --root designs/ --model pretrained/hotspots --port 8765",
        'curl http://127.0.0.1:8765/score --json \'{"lef": ["tech.lef", "cells.lef"], "def": "placed.def.gz"}\'',
    )
)
@click.option("--root", type=FILE, required=True, help="Folder of the layouts: no request reads a file outside.")
@click.option("--model", "models", type=FILE, multiple=True, required=True, help="Model bundle, at most one per task.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others than loopback are "
              "for --allow-remote.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0: any that is free.")
@click.option("--allow-remote", is_flag=True, help="Listen beyond loopback: anyone who reaches the port may ask.")
@click.option("--socket", "path", type=FILE, help="A Unix socket, for this user only, in the place of host and port.")
@TILE
@click.option("--top", type=click.IntRange(min=0), default=20, show_default=True, help="Worst regions to report.")
@click.option("--max-request", type=_BYTES, default=1 << 16, show_default=True, help="Most bytes of a request.")
@click.option("--max-files", type=_BYTES, default=1 << 30, show_default=True, help="Most bytes of a request's files.")
@click.option("--request-time", type=POSITIVE, default=10.0, show_default=True, help="Seconds for a request to arrive.")
@click.option("--answer-time", type=POSITIVE, default=120.0, show_default=True, help="Seconds for its answer.")
@click.option("--queue", type=click.IntRange(min=0), default=8, show_default=True, help="Most requests that wait.")
@THREADS
@click.pass_context
def serve(
    context: click.Context, root: Path, models: tuple[Path, ...], host: str, port: int, allow_remote: bool,
    path: Path | None, tile: float | None, top: int, max_request: int, max_files: int, request_time: float,
    answer_time: float, queue: int, threads: int,
) -> None:  # fmt: skip
    """Score layouts over HTTP with models that stay loaded: POST /score, GET /health, GET /openapi.json.

    The address is printed on standard output when it can be asked, and a line for each request on standard error.
    SIGTERM and SIGINT end it when what was asked is answered.
    """
    if path is not None and any(
        context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
        for name in ("host", "port", "allow_remote")
    ):
        raise click.UsageError("--socket takes the place of --host, --port and --allow-remote")
    if path is None and not _is_loopback(host) and not allow_remote:
        raise click.UsageError(
            f"{host} is not loopback: whoever reaches it may ask; give --allow-remote if you want that"
        )
    try:
        from routenas.serving.http import serve as run
    except ImportError:
        raise InputError("a server needs starlette and uvicorn", expected="pip install 'routenas[serve]'") from None
    from routenas.scoring import Scorer
    from routenas.serving.requests import Limits
    from routenas.serving.service import Service

    limits = Limits(max_request, max_files, request_time, answer_time, queue)
    if not root.is_dir():
        raise InputError("not a folder", file=root, expected="the folder of the layouts")
    with _listening(host, port, path) as (listener, address):
        service = Service(Scorer(models, tile_um=tile, top=top, threads=threads), root, limits, threads)
        gc.freeze()
        click.echo(address)
        names = None if path is not None else (host.lower(), socket.gethostname().lower())
        run(service, listener, names, lambda line: click.echo(line, err=True))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@contextmanager
def _listening(host: str, port: int, path: Path | None) -> Iterator[tuple[socket.socket, str]]:
    """A socket that listens, and its address. Raises :class:`InputError` where that cannot be."""
    if path is not None:
        with _unix_socket(path) as listener:
            yield listener, f"unix:{path}"
        return
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        what = f"cannot listen on {host} port {port}"
        raise InputError(what, found=error.strerror or str(error), expected="a free port of this machine") from None
    with listener:
        yield listener, f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


@contextmanager
def _unix_socket(path: Path) -> Iterator[socket.socket]:
    """A socket that only this user can connect to; one that nobody listens on any more is replaced."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        before = os.umask(0o177)
        try:
            if path.exists() and not _is_deserted(path):
                raise InputError("is in use", file=path, expected="a name that is free")
            path.unlink(missing_ok=True)
            listener.bind(str(path))
        except OSError as error:
            raise InputError("cannot listen here", file=path, found=error.strerror or str(error)) from None
        finally:
            os.umask(before)
        listener.listen()
        try:
            yield listener
        finally:
            with suppress(OSError):
                path.unlink()


def _is_deserted(path: Path) -> bool:
    """Whether a path is a socket that a server which was killed left behind."""
    if not stat.S_ISSOCK(path.stat().st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(str(path)) != 0
