"""One process at a time in a folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from placement_data.errors import InputError
from placement_data.files import locked

HOLDER = """
import sys, time
from pathlib import Path
from placement_data.files import locked
with locked(Path(sys.argv[1])):
    print("inside", flush=True)
    time.sleep(600)
"""


def test_the_second_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    with locked(tmp_path):
        with pytest.raises(InputError, match="the folder is in use") as caught, locked(tmp_path):
            pytest.fail("two are inside")
        assert caught.value.exit_code == 3
    with locked(tmp_path):
        pass


def test_death_ends_it(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"inside\n"
    with pytest.raises(InputError, match="in use"), locked(tmp_path):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with locked(tmp_path):
        pass


def test_an_error_inside_is_not_taken_for_a_lock(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), locked(tmp_path):
        raise BlockingIOError


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot write here"), locked(tmp_path):
        pass


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write here"), locked(tmp_path / "none"):
        pass
