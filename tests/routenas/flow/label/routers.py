"""Stand-ins for routers: programs that leave what a router leaves, and misbehave as the design's name says."""

from __future__ import annotations

import sys
from pathlib import Path

_QROUTER = """#!{python} -IS
import os, pathlib, re, signal, sys, time
if "-h" in sys.argv:
    sys.exit(print("Qrouter detail maze router version 1.4.99.T"))
text = open("placed.def").read()
design = re.search(r"DESIGN (\\S+)", text)[1]
with open({calls!r}, "a") as calls:
    calls.write(f"{{design}} {{os.getpid()}}\\n")
print("routing", design, flush=True)
if design.startswith("slow"):
    time.sleep(60)
if design.startswith("crash"):
    os.kill(os.getpid(), signal.SIGSEGV)
if design.startswith("broken"):
    sys.exit("no track left")
if design.startswith("empty"):
    sys.exit()
last = int(re.search(r"<= (\\d+)", open("route.tcl").read())[1])
first = re.search(r"NETS \\d+ ;\\s*- (\\S+)", text)[1]
for i in range(last + 1):
    open(f"failed-{{i}}.txt", "w").write(f"{{first}}\\n" if i < 2 else "")
open("routed.def", "w").write(text)
"""


def stand_in(folder: Path) -> tuple[str, Path]:
    """A program in place of qrouter, and the file to which it adds a line for each call."""
    path, calls = folder / "stand-in", folder / "calls"
    path.write_text(_QROUTER.format(python=sys.executable, calls=str(calls)))
    path.chmod(0o755)
    calls.touch()
    return str(path), calls
