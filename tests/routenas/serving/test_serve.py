"""``routenas serve`` as a process: what it answers, what it refuses and how it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="routenas[serve] is not installed")
pytest.importorskip("uvicorn", reason="routenas[serve] is not installed")
jsonschema = pytest.importorskip("jsonschema")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import cli  # noqa: E402
from placement_data.making import LayoutFiles  # noqa: E402
from routenas import Scorer  # noqa: E402
from routenas.serving.http import known_host  # noqa: E402
from routenas.serving.requests import CODES, Limits, RefusedError, Request, below  # noqa: E402
from tests.layouts import Layout  # noqa: E402
from tests.routenas.serving.servers import HELD, REPOSITORY, Server, answer, received, request, running, wait_for  # noqa: E402

LINE = re.compile(r"\d{4}-\d\d-\d\dT\S+ INFO (127\.0\.0\.1|unix) (\S+ .+|-) \d{3} [a-z-]+( \d+\.\d{3} s)?")
ASKED = {"lef": ["a.lef"], "def": "a.def.gz"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, layout: Layout) -> Path:
    """A folder with a layout, and things in it that no request may have."""
    folder = tmp_path_factory.mktemp("served")
    outside = tmp_path_factory.mktemp("outside")
    for place in (folder, outside):
        shutil.copy(layout.lef, place / "a.lef")
        shutil.copy(layout.def_, place / "a.def.gz")
    (folder / "inside").mkdir()
    (folder / "inside" / "link.def.gz").symlink_to("../a.def.gz")
    (folder / "out.def.gz").symlink_to(outside / "a.def.gz")
    (folder / "away").symlink_to(outside)
    (folder / "zero.def").symlink_to("/dev/zero")
    (folder / "round.def").symlink_to("round.def")
    (folder / "broken.def").write_text("VERSION 5.8 ;\nDESIGN a ;\nrubbish ;\n")
    os.mkfifo(folder / "pipe.def")
    return folder


@pytest.fixture(scope="module")
def server(root: Path, bundles: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("log") / "log"
    words = ["-m", "cli", "serve", "--root", root, "--port", 0, "--request-time", 1, "--max-request", 2000]
    with running(log, *words, "--model", bundles["hotspots"], "--model", bundles["violated_nets"]) as found:
        yield found
        assert found.ask("GET", "/health").status == 200  # whatever was thrown at it
        assert found.end() == 0
        assert all(LINE.fullmatch(line) for line in log.read_text().splitlines())


# --- answers ------------------------------------------------------------------------------------------------------


def test_an_answer_is_the_score(server: Server, root: Path, bundles: dict[str, Path]) -> None:
    found = server.score(**ASKED, name="mine")
    assert (found.status, found.headers["content-type"]) == (200, "application/json")
    scorer = Scorer(list(bundles.values()))
    alone = scorer.score_files(LayoutFiles("def", root / "a.def.gz", (root / "a.lef",)), "mine").to_dict()
    alone["inputs"] = {Path(name).name: digest for name, digest in alone["inputs"].items()}
    assert json.dumps({**found.value, "timing": 0}) == json.dumps({**alone, "timing": 0})
    through_a_link = server.score(lef=["a.lef"], **{"def": "inside/link.def.gz"}, name="mine").value
    assert through_a_link["hotspots"] == alone["hotspots"]


def test_openapi_says_what_is_taken_and_given(server: Server) -> None:
    document = server.ask("GET", "/openapi.json").value
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {"/score", "/health", "/openapi.json"}
    ids = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(set(ids)) == len(ids)
    responses = document["paths"]["/score"]["post"]["responses"]
    told = {code for each in responses.values() for code in CODES if f"{code}: " in each["description"]}
    assert set(CODES) - told == {"not-found", "method"}  # which are of other addresses

    def check(name: str, value: Any) -> None:
        schema = {"components": document["components"], "$ref": f"#/components/schemas/{name}"}
        jsonschema.Draft202012Validator.check_schema(document["components"]["schemas"][name])
        jsonschema.validate(value, schema, jsonschema.Draft202012Validator)

    check("Request", ASKED)
    check("Score", server.score(**ASKED).value)
    check("Refusal", server.score(lef=["a.lef"]).value)
    for wrong in ({}, {**ASKED, "top": 3}, {**ASKED, "lef": "a.lef"}):
        with pytest.raises(jsonschema.ValidationError):
            check("Request", wrong)
        assert server.ask("POST", "/score", json.dumps(wrong).encode()).code == "usage"


def test_health(server: Server) -> None:
    health = server.ask("GET", "/health").value
    assert (health["status"], health["waiting"], health["queue"]) == ("ok", 0, 8)
    assert sorted(model["task"] for model in health["models"]) == ["hotspots", "violated_nets"]


def test_the_page(server: Server, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its client runs against a server, and its table of codes is complete."""
    page = (REPOSITORY / "docs" / "serving.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    code = code.replace("http://127.0.0.1:8765", server.address)
    exec(compile(code, "serving.md", "exec"), {})
    assert capsys.readouterr().out == "tech.lef: No such file or directory\n"
    exec(
        compile(code.replace('["tech.lef", "cells.lef"]', '["a.lef"]').replace("try_1/placed", "a"), "page", "exec"), {}
    )
    assert float(capsys.readouterr().out) > 0
    for name, (status, exit_code, meaning) in CODES.items():
        assert f"| {status} | `{name}` | {exit_code} | {meaning} |" in page


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "status", "code"), [
    ("../outside/a.def.gz", 403, "path"), ("inside/../../x.def", 403, "path"), ("/etc/passwd", 403, "path"),
    ("a\0.def", 403, "path"), ("out.def.gz", 403, "path"), ("away/a.def.gz", 403, "path"), ("zero.def", 403, "path"),
    ("pipe.def", 403, "path"), ("inside", 403, "path"), (".", 403, "path"), ("\ud800", 403, "path"),
    ("x" * 1000, 422, "input"), ("none.def", 422, "input"), ("round.def", 422, "input"), ("a.lef/x", 422, "input"),
    ("broken.def", 422, "input"), ("a.lef", 422, "input"), ("", 400, "usage"),
])  # fmt: skip
def test_paths(server: Server, root: Path, path: str, status: int, code: str) -> None:
    found = server.score(lef=["a.lef"], **{"def": path})
    assert (found.status, found.code, found.value["exit_code"]) == (status, code, CODES[code][1])
    assert str(root) not in found.value["text"]
    if path not in ("", "a.lef"):
        assert server.score(lef=["a.lef", path], **{"def": "a.def.gz"}).code in (code, "input")


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'"a"', b"\xff\xfe", b"[" * 1999, b'{"lef": ["a.lef"], "def": 3}', b"9" * 1999,
    b'{"lef": "a.lef", "def": "a.def.gz"}', b'{"lef": [], "def": "a.def.gz"}', b'{"lef": [[]], "def": "a.def.gz"}',
    b'{"lef": ["a.lef"], "def": "a.def.gz", "tile": 1}', b'{"lef": ["a.lef"], "def": "a.def.gz", "name": null}',
])  # fmt: skip
def test_bodies(server: Server, body: bytes) -> None:
    found = server.ask("POST", "/score", body)
    assert (found.status, found.code, found.value["exit_code"]) == (400, "usage", 2)


def test_errors_of_the_work(server: Server) -> None:
    assert server.score(**ASKED, liberty=["a.lef"]).code == "input"
    found = server.score(**ASKED, routing_layers="metal9-metal1")
    assert found.value["exit_code"] in (2, 3)
    assert "broken.def:3: " in server.score(lef=["a.lef"], **{"def": "broken.def"}).value["text"]


def test_addresses_methods_and_types(server: Server) -> None:
    assert (server.ask("GET", "/").status, server.ask("GET", "/score/").code) == (404, "not-found")
    found = server.ask("GET", "/score")
    assert (found.status, found.code, found.headers["allow"]) == (405, "method", "POST")
    assert server.ask("DELETE", "/health").code == "method"
    for kind in ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        found = server.ask("POST", "/score", json.dumps(ASKED).encode(), content_type=kind)
        assert (found.status, found.code) == (415, "media-type")
    assert server.ask("POST", "/score", b"{}", content_type="Application/JSON; charset=utf-8").code == "usage"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example", "", "a" * 300, "["])
def test_other_hosts(server: Server, host: str) -> None:
    found = server.ask("POST", "/score", json.dumps(ASKED).encode(), host=host)
    assert (found.status, found.code) in (((421, "host"),) if host else ((400, "usage"),))  # none at all is no HTTP/1.1
    assert answer(server.raw(b"GET /health HTTP/1.0\r\n\r\n")).code == "host"


def test_known_hosts() -> None:
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1:8765", "[::1]:1", "[::1]", "10.0.0.7", "box", "box:80", "box."):
        assert known_host(host, ("box",)), host
    for host in ("", "evil.example", "127.0.0.1.evil.example", "box.evil.example", "localhost:", "box:80:80", "1.2.3"):
        assert not known_host(host, ("box",)), host


def test_what_is_too_large(server: Server, root: Path) -> None:
    found = answer(server.raw(request("POST", "/score", None, content_type="application/json", content_length="2001")))
    assert (found.status, found.code) == (413, "too-large")
    part = b"fff\r\n" + b" " * 0xFFF + b"\r\n"
    head = request("POST", "/score", None, content_type="application/json", transfer_encoding="chunked")
    assert answer(server.raw(head + part)).code == "too-large"
    assert answer(server.raw(head + b"rubbish\r\n")).code == "usage"
    size = sum((root / name).stat().st_size for name in ("a.lef", "a.def.gz"))
    body = json.dumps(ASKED).encode()
    Request.of(body, root.resolve(), Limits(file_bytes=size))
    with pytest.raises(RefusedError, match=f"{size} bytes, expected at most {size - 1}"):
        Request.of(body, root.resolve(), Limits(file_bytes=size - 1))
    assert answer(server.raw(b"GET / HTTP/1.1\r\nx: " + b"y" * 100_000)).code == "usage"


def test_what_is_too_slow(server: Server) -> None:
    """Nothing at all, half a head, half a body, and a body a byte at a time."""
    whole = request("POST", "/score", json.dumps(ASKED).encode())
    clients = {part: server.connect() for part in (0, 20, len(whole) - 20)}
    began = time.monotonic()
    for part, client in clients.items():
        client.sendall(whole[:part])
    with server.connect() as dripping:
        dripping.sendall(whole[: len(whole) - 40])
        dripping.settimeout(0.1)
        for place in range(len(whole) - 40, len(whole)):
            try:
                dripping.send(whole[place : place + 1])
                if data := dripping.recv(1 << 16):
                    break
            except TimeoutError:
                pass
        dripping.settimeout(30)
        assert answer(data + received(dripping)).code == "slow"
    for client in clients.values():
        with client:
            found = answer(received(client))
        assert (found.status, found.code) == (408, "slow")
    assert 0.9 < time.monotonic() - began < 10


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=200), st.booleans())
def test_rubbish_on_a_connection(server: Server, data: bytes, ended: bool) -> None:
    """Whatever comes, there is an answer that is a refusal, or none."""
    with server.connect() as client:
        client.sendall(data + (b"\r\n\r\n" if ended else b""))
        client.shutdown(socket.SHUT_WR)
        found = received(client)
    if found:
        assert answer(found).code in ("usage", "host", "not-found", "method")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["a.lef", "a.def.gz", "away", ".."]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["lef", "def", "liberty", "name", "routing_layers", "x"]), inner, max_size=6)
    ),
    max_leaves=12,
)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(JSON)
def test_requests_name_files_below_the_root_or_are_refused(root: Path, value: Any) -> None:
    try:
        found = Request.of(json.dumps(value).encode(), root.resolve(), Limits())
    except (RefusedError, OSError):
        return
    assert all(path.is_relative_to(root.resolve()) and path.is_file() for path in found.files.all)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(["..", ".", "away", "inside", "a.lef", "out.def.gz", "/", "//", "\0", "zero.def"])))
def test_no_spelling_of_a_path_leads_out(root: Path, parts: list[str]) -> None:
    try:
        found = below(root.resolve(), "/".join(parts))
    except (RefusedError, OSError):
        return
    assert found == root.resolve() / "a.lef"


# --- the queue ----------------------------------------------------------------------------------------------------


def held(folder: Path, root: Path, bundles: dict[str, Path], seconds: float, queue: int) -> Any:
    for name in ("a.lef", "a.def.gz"):
        shutil.copy(root / name, folder)
    return running(folder / "log", "-c", HELD, folder, bundles["hotspots"], seconds, queue)


def test_the_queue(tmp_path: Path, root: Path, bundles: dict[str, Path]) -> None:
    """Others are answered meanwhile; who comes when the queue is full is sent away; who leaves makes room."""
    with held(tmp_path, root, bundles, 30, 1) as server:
        first = server.begin(**ASKED, name="first")
        wait_for(tmp_path / "begun", "first ")
        second = server.begin(**ASKED, name="second")
        while server.ask("GET", "/health").value["waiting"] < 2:
            pass
        third = server.score(**ASKED)
        assert (third.status, third.code) == (503, "busy")
        assert int(third.headers["retry-after"]) >= 1
        second.close()
        while server.ask("GET", "/health").value["waiting"] > 1:
            pass
        last = server.begin(**ASKED, name="mismatch")
        while server.ask("GET", "/health").value["waiting"] < 2:
            pass
        with ThreadPoolExecutor(14) as pool:  # and connections are as bounded as the queue
            idle = list(pool.map(lambda _: server.connect(), range(14)))
        assert answer(received(idle[-1])).code == "busy"
        for client in idle:
            client.close()
        (tmp_path / "go").touch()
        with first, last:
            assert answer(received(first)).value["design"] == "first"
            found = answer(received(last))
        assert (found.status, found.code, found.value["exit_code"]) == (409, "model-mismatch", 4)
        assert (tmp_path / "begun").read_text() == "first mismatch "  # the one that left was never begun
        found = server.score(**ASKED, name="broken")
        assert (found.status, found.code, found.value["exit_code"]) == (500, "internal", 1)
        assert found.value["text"] == "internal error, please report it: RuntimeError: two"
        assert server.end() == 0
        log = (tmp_path / "log").read_text().splitlines()
        assert all(LINE.fullmatch(line) for line in log), log
        assert any(" 408 left " in line for line in log)


def test_time_is_up_and_the_end(tmp_path: Path, root: Path, bundles: dict[str, Path]) -> None:
    with held(tmp_path, root, bundles, 5, 3) as server:  # of which a score takes a part, on a busy machine too
        clients = [server.begin(**ASKED, name=name) for name in ("one", "two")]
        for client in clients:
            with client:
                found = answer(received(client))
            assert (found.status, found.code) == (504, "timeout")
        (tmp_path / "go").touch()
        assert server.score(**ASKED, name="three").value["design"] == "three"
        assert (tmp_path / "begun").read_text() == "one three "  # "two" was taken out of the row
        (tmp_path / "go").unlink()
        with server.begin(**ASKED, name="four") as client:
            wait_for(tmp_path / "begun", "one three four ")
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            (tmp_path / "go").touch()
            assert answer(received(client)).value["design"] == "four"
        assert server.process.wait(30) == 0
        assert all(LINE.fullmatch(line) for line in (tmp_path / "log").read_text().splitlines())


# --- where it listens ---------------------------------------------------------------------------------------------


def test_a_unix_socket(tmp_path: Path, root: Path, bundles: dict[str, Path]) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    words = ["-m", "cli", "serve", "--root", root, "--model", bundles["hotspots"], "--socket", path]
    with running(tmp_path / "log", *words) as server:
        assert server.address == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert server.ask("GET", "/health", host="any.example").status == 200
        assert server.score(**ASKED).status == 200
        code, err = refused("--root", root, "--model", bundles["hotspots"], "--socket", path)
        assert (code, "socket: is in use" in err) == (3, True)
        assert server.end(signal.SIGINT) == 0
    assert not path.exists()


def refused(*words: object) -> tuple[int, str]:
    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("click.echo", lambda text="", **_: told.append(str(text)))
        with pytest.raises(SystemExit) as end:
            cli.main.main(["serve", *map(str, words)], prog_name="routenas")
    assert len(told) == 1
    assert told[0].startswith("routenas: error: ")
    return int(end.value.code or 0), told[0]


def test_what_is_refused_before_it_listens(tmp_path: Path, root: Path, bundles: dict[str, Path]) -> None:
    model = ("--model", bundles["hotspots"])
    for host in ("0.0.0.0", "::", "10.0.0.1", "example.org"):
        code, err = refused("--root", root, *model, "--host", host)
        assert (code, "give --allow-remote" in err) == (2, True)
    assert refused("--root", root, *model, "--socket", tmp_path / "s", "--port", 1)[0] == 2
    assert refused("--root", root / "none", *model)[0] == 3
    assert refused("--root", root, "--model", tmp_path / "none")[0] == 3
    assert refused("--root", root, *model, "--socket", tmp_path / "no" / "s")[0] == 3
    (tmp_path / "file").touch()
    code, err = refused("--root", root, *model, "--socket", tmp_path / "file")
    assert (code, "is in use" in err, (tmp_path / "file").exists()) == (3, True, True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, err = refused("--root", root, *model, "--port", taken.getsockname()[1])
        assert (code, "cannot listen on 127.0.0.1 port" in err) == (3, True)


def test_without_the_extra(root: Path, bundles: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "routenas.serving.http")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, err = refused("--root", root, "--model", bundles["hotspots"])
    assert (code, "pip install 'routenas[serve]'" in err) == (3, True)
