"""The HDF5 store on a full disk, and while another program has the file open."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import h5py
import pytest

from placement_data import store as store_module
from placement_data.errors import InputError, WriteError
from placement_data.store import Store, append, write
from tests.placement_data.limits import file_size_limit
from tests.samples import CHANNEL_VERSION, CHANNELS, made_up_sample, made_up_samples

LABELLED = made_up_sample("a/1", "a", 1)
PLAIN = made_up_sample("b/1", "b", 2, (5, 40), labelled=False)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "data.h5"
    write(path, [LABELLED, PLAIN], CHANNELS, CHANNEL_VERSION)
    return path


def test_a_full_disk_at_any_byte(tmp_path: Path) -> None:
    """HDF5 brings the process down when it closes a file that it cannot write."""
    path, old = tmp_path / "data.h5", made_up_samples(2, 2)
    write(path, old, CHANNELS, CHANNEL_VERSION)
    before = path.read_bytes()
    more = [dataclasses.replace(sample, sample=f"more/{sample.sample}") for sample in old]
    failed, texts = 0, set()
    for size in (*range(0, 400_000, 7919), 512, 560, 4096):
        with file_size_limit(size):
            for change in (
                lambda: write(path, more, CHANNELS, CHANNEL_VERSION),
                lambda: append(path, more, CHANNEL_VERSION),
            ):
                try:
                    change()
                except WriteError as error:
                    failed += 1
                    texts.add(str(error))
                    assert path.read_bytes() == before
                else:
                    assert len(Store(path)) in (4, 8)
                    path.write_bytes(before)
        assert [file.name for file in tmp_path.iterdir()] == ["data.h5"]
    assert failed > 10
    assert texts == {f"{path}: cannot be written, found 'File too large'"}


@pytest.mark.parametrize("text", [1, 3000, 100_000])
def test_no_more_is_written_than_was_asked_for(tmp_path: Path, text: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few samples or many, of long heads or short: the end of a file is within what was taken before."""
    taken: list[int] = []
    real = store_module._Room._extend
    monkeypatch.setattr(store_module._Room, "STEP", 0)
    monkeypatch.setattr(store_module._Room, "_extend", lambda room, end: (taken.append(end), real(room, end)))
    for count in (0, 1, 5, 300 if text < 10_000 else 20):
        samples = [dataclasses.replace(PLAIN, sample=f"s{i}", attributes={"a": "b" * text}) for i in range(count)]
        path = tmp_path / f"{count}.h5"
        write(path, samples, CHANNELS, CHANNEL_VERSION)
        assert path.stat().st_size <= taken[-1]
        more = [dataclasses.replace(sample, sample=f"more {sample.sample}") for sample in samples]
        append(path, more, CHANNEL_VERSION)
        assert path.stat().st_size <= taken[-1]
        assert len(Store(path)) == 2 * count


def test_a_file_that_is_open_elsewhere_is_in_use(stored: Path) -> None:
    with h5py.File(stored, "r+") as file:
        file.attrs["units"] = "others"
        with pytest.raises(InputError, match=r"data\.h5: the data set is in use, found 'a program that writes to it'"):
            Store(stored)
    with pytest.raises(InputError, match="damaged"):
        Store(stored)


def test_readers_do_not_disturb_each_other(stored: Path) -> None:
    with h5py.File(stored, "r"):
        assert len(Store(stored)) == 2
