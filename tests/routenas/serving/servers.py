"""Real servers in processes of their own, and clients that speak raw HTTP to them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]

HELD = """
import socket, sys, time
from pathlib import Path
from routenas import Scorer
from routenas.bundle import ModelMismatchError
from routenas.serving.http import serve
from routenas.serving.requests import Limits
from routenas.serving.service import Service

folder, model, seconds, queue = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])

class Held(Scorer):
    def score_files(self, files, name=""):
        with open(folder / "begun", "a") as file:
            file.write(f"{name} ")
        while not (folder / "go").exists():
            time.sleep(0.01)
        if name == "broken":
            raise RuntimeError("two\\nlines")
        if name == "mismatch":
            raise ModelMismatchError("no")
        return super().score_files(files, name)

listener = socket.create_server(("127.0.0.1", 0))
limits = Limits(answer_seconds=seconds, queue=queue, connections=12)
print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
serve(Service(Held(model), folder, limits), listener, (), lambda line: print(line, file=sys.stderr, flush=True))
"""
"""A server whose scores wait until there is a file ``go`` in its root."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        assert self.body.count(b"\n") == 1
        return json.loads(self.body)

    @property
    def code(self) -> str:
        assert set(self.value) == {"code", "exit_code", "text"}
        assert self.headers["content-type"] == "application/json"
        return str(self.value["code"])


@dataclass(frozen=True)
class Server:
    """A running server: its process, where it listens, where its log goes."""

    process: subprocess.Popen[str]
    address: str
    log: Path

    def connect(self) -> socket.socket:
        if self.address.startswith("unix:"):
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(30)
            client.connect(self.address.removeprefix("unix:"))
            return client
        host, _, port = self.address.removeprefix("http://").rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), timeout=30)

    def raw(self, data: bytes) -> bytes:
        """All that comes back; a server may close a connection before it has read everything."""
        with self.connect() as client:
            with suppress(ConnectionError):
                client.sendall(data)
            return received(client)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        return answer(self.raw(request(method, path, body, **headers)))

    def score(self, **fields: Any) -> Answer:
        return self.ask("POST", "/score", json.dumps(fields).encode())

    def begin(self, **fields: Any) -> socket.socket:
        """A connection on which a score is asked for; its answer is for later."""
        client = self.connect()
        client.sendall(request("POST", "/score", json.dumps(fields).encode()))
        return client

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


def request(method: str, path: str, body: bytes | None = None, **headers: str) -> bytes:
    fields = {"host": "localhost", **({} if body is None else {"content_length": str(len(body))})}
    fields |= {"content_type": "application/json"} if body is not None else {}
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in {**fields, **headers}.items() if value]
    return f"{method} {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode() + (body or b"")


def received(client: socket.socket) -> bytes:
    found = b""
    with suppress(ConnectionError):
        while more := client.recv(1 << 16):
            found += more
    return found


def answer(data: bytes) -> Answer:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    headers = {name.lower(): value for name, _, value in pairs}
    assert headers["connection"] == "close"
    assert len(body) == int(headers["content-length"])
    return Answer(int(first.split()[1]), headers, body)


@contextmanager
def running(log: Path, *words: object) -> Iterator[Server]:
    """A server that the words of a Python command start; at the end it is killed if it still runs."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    with open(log, "w") as errors:
        process = subprocess.Popen(
            [sys.executable, *map(str, words)], stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, log.read_text()
        yield Server(process, address, log)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def wait_for(path: Path, text: str | None = None) -> None:
    for _ in range(3000):
        if path.exists() and text in (None, path.read_text()):
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} did not come")
