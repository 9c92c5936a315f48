"""The HDF5 store: what is written is what is read, a half-written or damaged file never passes."""

from __future__ import annotations

import dataclasses
import multiprocessing
import pickle
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest

from placement_data.checks.verify import verify
from placement_data.errors import InputError
from placement_data.store import (
    Sample,
    Store,
    Stored,
    _digest,
    append,
    atomic_path,
    check_writable,
    write,
    write_text,
)
from tests.samples import CHANNEL_VERSION, CHANNELS, made_up_sample, made_up_samples

LABELLED = made_up_sample("a/1", "a", 1)
PLAIN = made_up_sample("b/1", "b", 2, (5, 40), labelled=False)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "data.h5"
    assert write(path, [LABELLED, PLAIN], CHANNELS, CHANNEL_VERSION) == 2
    return path


def assert_same(left: Sample, right: Sample) -> None:
    for field in dataclasses.fields(Sample):
        a, b = getattr(left, field.name), getattr(right, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
        else:
            assert a == b, field.name


def test_round_trip(stored: Path) -> None:
    store = verify(stored)
    assert store.names == ("a/1", "b/1")
    assert store.families == store.designs == ("a", "b")
    assert store.labelled == (True, False)
    assert store.channels == CHANNELS
    assert_same(store.sample(0), LABELLED)
    assert_same(store.sample(1), PLAIN)
    assert [sample.sample for sample in store.samples(["b"])] == ["b/1"]


def test_unlabelled_samples_have_no_label(stored: Path) -> None:
    sample = Store(stored).sample(1)
    assert not sample.labelled
    assert sample.violated_nets is None
    assert sample.violated_net_ratio is None
    assert sample.hotspots is None
    assert sample.repeat_violated_nets == ()


def test_a_label_without_violations_is_a_label(tmp_path: Path) -> None:
    zero = np.zeros(LABELLED.features.shape[1:], np.float32)
    clean = dataclasses.replace(
        LABELLED,
        hotspots=zero.astype(np.uint8),
        violation_density=zero,
        violated_net_map=zero,
        violated_nets=0,
    )
    write(tmp_path / "data.h5", [clean], CHANNELS, CHANNEL_VERSION)
    sample = verify(tmp_path / "data.h5").sample(0)
    assert sample.labelled
    assert sample.violated_nets == 0
    assert sample.violated_net_ratio == 0.0


def test_labels_may_tell_no_nets(tmp_path: Path) -> None:
    assert LABELLED.violation_density is not None
    only_tiles = dataclasses.replace(
        LABELLED,
        hotspots=(LABELLED.violation_density > 2).astype(np.uint8),
        hotspot_threshold=2.0,
        violated_net_map=None,
        violated_nets=None,
        net_count=0,
        repeat_hotspots=None,
        repeat_violated_nets=(),
    )
    write(tmp_path / "data.h5", [only_tiles, PLAIN], CHANNELS, CHANNEL_VERSION)
    store = verify(tmp_path / "data.h5")
    assert store.labelled == (True, False)
    assert store.sample(0).labelled
    assert store.sample(0).violated_net_ratio is None
    assert_same(store.sample(0), only_tiles)


def test_the_same_samples_make_the_same_bytes(stored: Path, tmp_path: Path) -> None:
    write(tmp_path / "again.h5", [LABELLED, PLAIN], CHANNELS, CHANNEL_VERSION)
    assert (tmp_path / "again.h5").read_bytes() == stored.read_bytes()


def test_one_chunk_a_sample(stored: Path) -> None:
    with h5py.File(stored, "r") as file:
        datasets = [group[name] for group in file["samples"].values() for name in group]
        assert len(datasets) == 6
        assert all(dataset.chunks == dataset.shape for dataset in datasets)
        assert all(dataset.fletcher32 for dataset in datasets)


def test_stored_samples_move_as_they_are(stored: Path, tmp_path: Path) -> None:
    store = Store(stored)
    more = made_up_sample("c/0", "c", 5)
    write(tmp_path / "moved.h5", [Stored(store, 1), more, Stored(store, 0)], CHANNELS, CHANNEL_VERSION)
    write(tmp_path / "values.h5", [PLAIN, more, LABELLED], CHANNELS, CHANNEL_VERSION)
    assert (tmp_path / "moved.h5").read_bytes() == (tmp_path / "values.h5").read_bytes()
    with pytest.raises(InputError, match="a sample of this name is in the data set already, found 'a/1'"):
        append(stored, [Stored(store, 0)], CHANNEL_VERSION)
    with pytest.raises(InputError, match=f"channels of another version, found '{CHANNEL_VERSION}'"):
        write(tmp_path / "other.h5", [Stored(store, 0)], CHANNELS, "other/1")


class Counted:
    """A file that counts the reads of its bytes."""

    def __init__(self, path: Path) -> None:
        self.file = open(path, "rb", buffering=0)  # noqa: SIM115
        self.reads = 0

    def readinto(self, buffer: memoryview) -> int:
        self.reads += 1
        return self.file.readinto(buffer)

    def read(self, size: int = -1) -> bytes:
        self.reads += 1
        return self.file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()


def test_maps_are_one_read_each(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(stored)
    real = h5py.File
    opened = []

    def count(path: Path, mode: str, locking: str) -> h5py.File:
        opened.append(path)
        return real(counted, mode)

    monkeypatch.setattr(h5py, "File", count)
    store = Store(stored)
    np.testing.assert_array_equal(store.features(0), LABELLED.features)
    store.sample(0)
    before = counted.reads
    store.features(0)
    assert counted.reads - before == 1
    store.sample(0)
    assert counted.reads - before == 1 + 5  # features, three labels, repeats
    assert opened == [stored]
    store.close()
    counted.file.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_store_travels_to_other_processes(made_up_store: Path) -> None:
    store = Store(made_up_store)
    expected = [float(store.features(index).sum()) for index in range(len(store))]
    copy = pickle.loads(pickle.dumps(store))
    assert [float(copy.features(index).sum()) for index in range(len(copy))] == expected
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            found = pool.map(partial(channel_sum, store), range(len(store)), chunksize=1)
        assert found == expected


def channel_sum(store: Store, index: int) -> float:
    """The sum of a sample's feature maps, in another process."""
    return float(store.features(index).sum())


def test_samples_out_of_range_are_an_index_error(stored: Path) -> None:
    store = Store(stored)
    assert_same(store.sample(-1), PLAIN)
    with pytest.raises(IndexError, match="sample 2 of 2"):
        store.sample(2)


def test_a_file_without_an_index_is_read_by_its_attributes(stored: Path) -> None:
    with h5py.File(stored, "r+") as file:
        del file["index"]
        for group in file["samples"].values():
            del group.attrs["labelled"]
    stored.write_bytes(_digest(stored) + stored.read_bytes()[512:])
    store = verify(stored)
    assert store.labelled == (True, False)
    assert_same(store.sample(0), LABELLED)
    assert_same(store.sample(1), PLAIN)


def test_append(stored: Path) -> None:
    more = [made_up_sample(f"c/{number}", "c", number) for number in range(3)]
    assert append(stored, more, CHANNEL_VERSION) == 3
    store = verify(stored)
    assert store.names == ("a/1", "b/1", "c/0", "c/1", "c/2")
    assert_same(store.sample(0), LABELLED)
    assert_same(store.sample(3), more[1])


def failing() -> Iterator[Sample]:
    yield made_up_sample("c/0", "c", 5)
    raise KeyboardInterrupt


@pytest.mark.parametrize("make_new", [True, False])
def test_an_interruption_leaves_the_old_file_alone(stored: Path, make_new: bool) -> None:
    before = stored.read_bytes()

    def interrupted() -> int:
        if make_new:
            return write(stored, failing(), CHANNELS, CHANNEL_VERSION)
        return append(stored, failing(), CHANNEL_VERSION)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert stored.read_bytes() == before
    assert [path.name for path in stored.parent.iterdir()] == ["data.h5"]


def test_duplicates_are_refused(stored: Path, tmp_path: Path) -> None:
    before = stored.read_bytes()
    with pytest.raises(InputError, match=r"a sample of this name is in the data set already, found 'a/1'"):
        append(stored, [LABELLED], CHANNEL_VERSION)
    assert stored.read_bytes() == before
    with pytest.raises(InputError, match="already"):
        write(tmp_path / "new.h5", [PLAIN, PLAIN], CHANNELS, CHANNEL_VERSION)
    assert not (tmp_path / "new.h5").exists()


def test_other_channels_are_refused(stored: Path) -> None:
    with pytest.raises(InputError, match=f"channels of another version, found '{CHANNEL_VERSION}'"):
        append(stored, [made_up_sample("c/0", "c", 5)], "other")
    thin = dataclasses.replace(PLAIN, sample="c/0", features=PLAIN.features[:3])
    with pytest.raises(InputError, match=r"feature maps of another shape, found '\(3, 5, 40\)', expected \(17, rows"):
        append(stored, [thin], CHANNEL_VERSION)


def test_verify_finds_a_flipped_byte_anywhere(stored: Path, tmp_path: Path) -> None:
    data = stored.read_bytes()
    rng = np.random.default_rng(20)
    positions = [0, 20, 100, 511, 512, len(data) - 1, *rng.integers(0, len(data), 40).tolist()]
    damaged = tmp_path / "damaged.h5"
    for position in positions:
        bytes_ = bytearray(data)
        bytes_[position] ^= 1 << int(rng.integers(8))
        damaged.write_bytes(bytes_)
        with pytest.raises(InputError, match=r"damaged\.h5"):
            verify(damaged)
    damaged.write_bytes(data)
    verify(damaged)


def hdf5_without_schema(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_group("samples")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: None, "cannot be read"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda path: path.write_bytes(b""), "not a routenas data set"),
        (lambda path: path.write_text("sample,design\n"), "not a routenas data set"),
        (lambda path: path.write_bytes(bytes(range(256)) * 8), "not a routenas data set"),
        (hdf5_without_schema, "not a routenas data set"),
    ],
)
def test_what_is_no_data_set_is_refused(tmp_path: Path, make: object, what: str) -> None:
    path = tmp_path / "bad.h5"
    assert callable(make)
    make(path)
    for read in (Store, verify, lambda path: append(path, [PLAIN], CHANNEL_VERSION)):
        with pytest.raises(InputError, match=f"bad.h5: {what}") as caught:
            read(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.9999])
def test_a_truncated_file_is_refused(stored: Path, share: float) -> None:
    data = stored.read_bytes()
    stored.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError):
        verify(stored)


def test_another_schema_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placement_data.store.SCHEMA", "routenas-data/9")
    write(tmp_path / "data.h5", [PLAIN], CHANNELS, CHANNEL_VERSION)
    monkeypatch.undo()
    with pytest.raises(InputError, match="another schema, found 'routenas-data/9', expected routenas-data/1"):
        Store(tmp_path / "data.h5")


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"features": np.full_like(LABELLED.features, np.nan)}, "finite features"),
        ({"hotspots": np.zeros((13, 16), np.uint8)}, "hotspots where violations are"),
        ({"hotspots": np.zeros((3, 3), np.uint8)}, "map shapes"),
        ({"violated_nets": 10**6}, "violated nets at most nets"),
        ({"violated_nets": 3}, "a map of all violated nets"),
        ({"violated_nets": None}, "complete labels"),
        ({"violated_net_map": None}, "complete labels"),
        ({"violation_density": None}, "complete labels"),
        ({"hotspots": None, "violation_density": None}, "complete labels"),
        ({"hotspot_threshold": 1.0}, "hotspots where violations are"),
        ({"label_kind": ""}, "a label kind"),
        ({"repeat_violated_nets": (1, 2, 3)}, "counted repeats"),
        ({"grid": PLAIN.grid}, "grid shape"),
    ],
)
def test_verify_finds_samples_that_contradict_themselves(tmp_path: Path, change: dict[str, object], check: str) -> None:
    write(tmp_path / "data.h5", [dataclasses.replace(LABELLED, **change)], CHANNELS, CHANNEL_VERSION)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"sample a/1 fails the check '{check}'"):
        verify(tmp_path / "data.h5")


def test_verify_reports_progress(made_up_store: Path) -> None:
    seen: list[int] = []
    store = verify(made_up_store, lambda: seen.append(1))
    assert len(seen) == len(store) == len(made_up_samples())


def test_atomic_writes(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    write_text(path, "one\n")

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("two\n")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert path.read_text() == "one\n"
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    assert list(tmp_path.iterdir()) == [path]


def _umask() -> int:
    import os

    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_places_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere/x\.h5: cannot write here"):
        check_writable(tmp_path / "nowhere" / "x.h5")
    with pytest.raises(InputError, match="cannot write here, found 'a folder'"):
        write_text(tmp_path, "text")


def test_a_store_is_a_sequence_of_samples(stored: Path) -> None:
    store = Store(stored)
    assert len(store) == 2
    for sample, expected in zip(store, (LABELLED, PLAIN), strict=True):
        assert_same(sample, expected)
    assert_same(store[0], LABELLED)
    assert_same(store[-1], PLAIN)
    with pytest.raises(IndexError, match="sample 2 of 2"):
        store[2]


def test_hotspot_tiles_are_told_by_the_head(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LABELLED.hotspots is not None
    store = Store(stored)
    expected = [int(LABELLED.hotspots.sum()), None]
    older = Store(stored)  # a file that does not tell them
    older.heads = [{name: value for name, value in head.items() if name != "hotspot_tiles"} for head in older.heads]
    assert [older.hotspot_tiles(index) for index in range(2)] == expected
    monkeypatch.setattr(store, "_open", None)  # nothing more is read of the file
    assert [store.hotspot_tiles(index) for index in range(2)] == expected
