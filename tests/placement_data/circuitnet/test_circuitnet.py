"""CircuitNet's layouts: samples are what the files hold, an export can be read again, defects are named."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import interpolate, ndimage

from placement_data.checks.verify import verify
from placement_data.circuitnet import export_circuitnet, read_circuitnet, read_designs
from placement_data.circuitnet.names import DRC_TASK_CHANNELS, PLACEMENT_MAPS, ROUTER_MAPS, parse_name
from placement_data.dataset import Split
from placement_data.errors import InputError
from placement_data.resize import area_resize, cubic_resize, max_resize
from placement_data.store import Store, write
from tests.samples import CHANNEL_VERSION, CHANNELS, KIND, SPLIT, made_up_sample

N28 = ("9276-zero-riscy-b-1-c5-u0.85-m4-p5-f0", "11-RISCY-FPU-a-3-c20-u0.7-m1-p8-f1")
N14 = "Vortex-small_freq_200_mp_1_fpu_55_fpa_1.0_p_2_fi_ap"
SHAPE = (5, 7)  # [x, y]: 7 rows of 5 columns


def folder_of(root: Path, maps: dict[str, str], samples: tuple[str, ...], suffix: str = ".npy", seed: int = 0) -> Path:
    """Maps of random multiples of 1/8 and labels with a few violations, in CircuitNet's folders."""
    rng = np.random.default_rng(seed)
    for sample in samples:
        for place in maps.values():
            save(root / place / f"{sample}{suffix}", rng.integers(0, 80, SHAPE) / 8)
        save(root / "DRC" / "DRC_all" / f"{sample}{suffix}", (rng.random(SHAPE) < 0.3) * rng.integers(1, 60, SHAPE))
    return root


def save(path: Path, values: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npz":
        np.savez(path, data=values.astype(np.float64))
    else:
        np.save(path, values.astype(np.float64))


@pytest.fixture
def n28(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "routability_features_decompressed", {**PLACEMENT_MAPS, **ROUTER_MAPS}, N28)


def test_raw_maps_are_turned_upright(n28: Path, tmp_path: Path) -> None:
    source = read_circuitnet(n28)
    assert source.channels == tuple(PLACEMENT_MAPS)
    assert len(source) == write(tmp_path / "data.h5", source, source.channels, source.channel_version) == 2
    store = verify(tmp_path / "data.h5")
    assert store.channel_version == source.channel_version
    assert store.labelled == (True, True)
    sample = store.sample(1)
    assert sample.sample == N28[0]
    assert sample.features.shape == (7, 7, 5)
    for index, place in enumerate(PLACEMENT_MAPS.values()):
        stored = np.load(n28 / place / f"{N28[0]}.npy")
        for x in range(5):
            for y in range(7):
                assert sample.features[index, y, x] == stored[x, y]
    counts = np.load(n28 / "DRC" / "DRC_all" / f"{N28[0]}.npy")
    assert sample.violation_density is not None
    assert sample.hotspots is not None
    np.testing.assert_array_equal(sample.violation_density, counts.T)
    np.testing.assert_array_equal(sample.hotspots, counts.T > 0)
    assert sample.label_kind == "circuitnet-innovus/DRC_all"
    assert (sample.violated_nets, sample.violated_net_map, sample.violated_net_ratio) == (None, None, None)
    assert sample.grid["shape"] == [7, 5]
    assert sample.grid["tile_um"] == 2.25
    assert len(sample.sources) == 8


def test_a_threshold_is_part_of_the_label(n28: Path, tmp_path: Path) -> None:
    source = read_circuitnet(n28, threshold=20)
    write(tmp_path / "data.h5", source, source.channels, source.channel_version)
    sample = verify(tmp_path / "data.h5").sample(0)
    counts = np.load(n28 / "DRC" / "DRC_all" / f"{sample.sample}.npy").T
    np.testing.assert_array_equal(sample.hotspots, counts > 20)
    assert 0 < (counts > 20).sum() < (counts > 0).sum()
    assert sample.label_kind == "circuitnet-innovus/DRC_all>20"
    for bad in (-1.0, float("nan")):
        with pytest.raises(InputError, match="the threshold cannot be used"):
            read_circuitnet(n28, threshold=bad)


def test_router_maps_come_only_when_asked_for_and_mark_the_version(n28: Path) -> None:
    plain, leaky = read_circuitnet(n28), read_circuitnet(n28, include_router_maps=True)
    assert leaky.channels == (*PLACEMENT_MAPS, *ROUTER_MAPS)
    assert leaky.read(N28[0]).features.shape == (11, 7, 5)
    assert "router" in leaky.channel_version
    assert "router" not in plain.channel_version
    nine = read_circuitnet(n28, include_router_maps=True, channels=DRC_TASK_CHANNELS)
    assert nine.channels == DRC_TASK_CHANNELS
    assert len(nine.channels) == 9
    with pytest.raises(InputError, match="congestion_eGR_horizontal_overflow comes from a router: a leak"):
        read_circuitnet(n28, channels=DRC_TASK_CHANNELS)


def test_versions_differ_with_channels_and_their_order(n28: Path) -> None:
    versions = [
        read_circuitnet(n28, channels=channels).channel_version
        for channels in (["RUDY"], ["cell_density"], ["RUDY", "cell_density"], ["cell_density", "RUDY"])
    ]
    assert len(set(versions)) == 4
    for channels, what in ((["pin"], "no such channel"), ([], "no channels"), (["RUDY", "RUDY"], "no channels")):
        with pytest.raises(InputError, match=what):
            read_circuitnet(n28, channels=channels)


def test_the_known_defect_of_early_overflow_is_told(n28: Path) -> None:
    place = n28 / ROUTER_MAPS["congestion_eGR_horizontal_overflow"]
    save(place / f"{N28[0]}.npy", np.arange(35).reshape(SHAPE) % 2)
    source = read_circuitnet(n28, include_router_maps=True)
    assert "divided the overflow by itself" in source.read(N28[0]).attributes["warnings"]
    assert "warnings" not in source.read(N28[1]).attributes


def test_archives_of_n14_nest_and_hold_npz(tmp_path: Path) -> None:
    root = tmp_path / "CircuitNet-N14" / "routability_features"
    folder_of(root / "Vortex-small" / "Vortex-small", dict(PLACEMENT_MAPS), (N14,), ".npz")
    other = "RISCY_freq_50_mp_1_fpu_60_fpa_1.5_p_7_fi_ar"
    folder_of(root / "RISCY" / "RISCY", dict(PLACEMENT_MAPS), (other,), ".npz", seed=1)
    samples = {sample.sample: sample for sample in read_circuitnet(tmp_path)}
    assert set(samples) == {N14, other}
    assert (samples[N14].design, samples[N14].family) == ("Vortex-small", "vortex")
    assert samples[N14].attributes["tile"] == "2.25 um, assumed"
    stored = np.load(root / "RISCY" / "RISCY" / "RUDY" / "RUDY_long" / f"{other}.npz")["data"]
    np.testing.assert_array_equal(samples[other].features[3], stored.T)
    assert read_circuitnet(tmp_path, tile_um=1.5).read(N14).grid["tile_um"] == 1.5


@pytest.mark.parametrize(
    ("name", "design", "core", "some"),
    [
        (N28[0], "zero-riscy-b", "zero-riscy", {"number": "9276", "frequency_mhz": "200", "filler": "after routing"}),
        (N28[1], "RISCY-FPU-a", "RISCY", {"frequency_mhz": "50", "utilization": "0.7", "filler": "after placement"}),
        ("RISCY-a-1-c2-u0.7-m1-p1-f0", "RISCY-a", "RISCY", {"frequency_mhz": "500", "power_mesh": "1"}),
        (N14, "Vortex-small", "vortex", {"frequency_mhz": "200", "utilization": "0.55", "filler": "after placement"}),
        ("nvdla-large_freq_500_mp_2_fpu_50_fpa_1.0_p_3_fi_ar", "nvdla-large", "nvdla", {"aspect_ratio": "1.0"}),
        ("openc910-1_freq_200_mp_1_fpu_50_fpa_1.0_p_1_fi_ap", "openc910-1", "openc910", {"macro_placement": "1"}),
        ("zero-riscy_freq_500_mp_4_fpu_50_fpa_1.0_p_3_fi_ap_", "zero-riscy", "zero-riscy", {"node": "14 nm"}),
        ("mgc_des_perf_a", "mgc_des_perf_a", "opencores-des-perf", {}),
        ("mgc_superblue11_a", "mgc_superblue11_a", "superblue11", {}),
        ("mgc_superblue12", "mgc_superblue12", "superblue12", {}),
    ],
)
def test_names(name: str, design: str, core: str, some: dict[str, str]) -> None:
    parsed = parse_name(name)
    assert (parsed.design, parsed.family) == (design, core)
    assert some.items() <= parsed.attributes.items()
    assert parse_name(name, "design").family == design
    assert parse_name(name, designs={name: ("d", "f")}).family == "f"


def test_the_bundled_table_keeps_related_cores_together() -> None:
    assert {parse_name(name, "table").family for name in N28} == {"pulp-riscy"}
    assert parse_name(N14, "table").family == "vortex"


@pytest.mark.parametrize(
    "name", ["sample_1", "RISCY", "1-RISCY-a-1-c0-u0.7-m1-p1-f0", "mgc_other_a", "a-1-c5-u0.8-m1-p1-f7"]
)
def test_a_design_is_never_guessed(name: str) -> None:
    with pytest.raises(InputError, match=f"does not tell its design, found '{name}'"):
        parse_name(name)


def test_a_table_of_designs(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "maps", {"RUDY": "RUDY/RUDY"}, ("one", "two"))
    table = tmp_path / "designs.csv"
    table.write_text("sample,design,family\none,a1,a\ntwo,a2,a\n")
    samples = list(read_circuitnet(folder, designs=read_designs(table)))
    assert [(sample.design, sample.family) for sample in samples] == [("a1", "a"), ("a2", "a")]
    for text, what in (
        ("sample,design\none,a\n", "column 'family' is missing"),
        ("sample,design,family\none,a,\n", "an empty field"),
        ("sample,design,family\none,a,f\none,a,f\n", "named twice"),
        ("sample,design,family\none,a,f\ntwo,a,g\n", "in two families"),
    ):
        table.write_text(text)
        with pytest.raises(InputError, match=what):
            read_designs(table)


def test_one_violation_type(n28: Path) -> None:
    save(n28 / "DRC" / "DRC_seperated" / "MetalShort" / f"{N28[0]}.npy", np.eye(*SHAPE))
    source = read_circuitnet(n28, label="metalshort")
    sample = source.read(N28[0])
    np.testing.assert_array_equal(sample.hotspots, np.eye(*SHAPE).T)
    assert sample.label_kind == "circuitnet-innovus/MetalShort"
    absent = source.read(N28[1])  # CircuitNet writes a type only where it occurs
    assert absent.hotspots is not None
    assert not absent.hotspots.any()
    with pytest.raises(InputError, match=r"no such violation type, found 'Cut', expected .*MetalShort"):
        read_circuitnet(n28, label="Cut")


def test_a_sample_without_label_is_unlabelled(n28: Path) -> None:
    (n28 / "DRC" / "DRC_all" / f"{N28[0]}.npy").unlink()
    assert not read_circuitnet(n28).read(N28[0]).labelled
    assert read_circuitnet(n28).read(N28[1]).labelled


class Harmful:
    """Would call ``print`` when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return print, ("harm",)


def write_objects(path: Path) -> None:
    np.save(path, np.array([Harmful()], dtype=object), allow_pickle=True)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def test_defects_are_named(n28: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = n28 / "RUDY" / "RUDY" / f"{N28[0]}.npy"
    good = path.read_bytes()
    cases: list[tuple[Callable[[Path], object], str]] = [
        (Path.unlink, f"sample {N28[0]} has no map RUDY"),
        (lambda path: save(path, np.ones((5, 6))), r"differ in shape, found '\(5, 6\)', expected '\(5, 7\)'"),
        (lambda path: np.save(path, np.full(SHAPE, "x")), "not an array of numbers"),
        (lambda path: np.save(path, np.ones(SHAPE, complex)), "not an array of numbers"),
        (lambda path: save(path, np.ones((2, *SHAPE))), "not a map"),
        (lambda path: save(path, np.ones((0, 7))), "an empty array"),
        (lambda path: save(path, np.where(np.eye(*SHAPE), np.inf, 1)), "not finite, found '5 of 35'"),
        (lambda path: save(path, -np.ones(SHAPE)), "map RUDY is below zero"),
        (write_objects, "without pickled objects"),
        (lambda path: path.write_bytes(pickle.dumps(Harmful())), "without pickled objects"),
        (truncate, "cannot be read as a NumPy array"),
        (lambda path: path.write_bytes(b""), "cannot be read as a NumPy array"),
        (lambda path: path.write_bytes(b"PK\x03\x04 no archive"), "cannot be read as a NumPy array"),
    ]
    for make, what in cases:
        path.write_bytes(good)
        make(path)
        with pytest.raises(InputError, match=what) as caught:
            list(read_circuitnet(n28))
        assert "\n" not in str(caught.value)
        told: list[InputError] = []
        assert [sample.sample for sample in read_circuitnet(n28, on_defect=told.append)] == [N28[1]]
        assert len(told) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (np.full(SHAPE, 0.5), "violations that are not whole numbers"),
        (np.full(SHAPE, -1), "a label below zero"),
        (np.ones((7, 5)), "the label differs from the maps in shape"),
    ],
)
def test_labels_that_are_no_counts(n28: Path, values: NDArray[Any], what: str) -> None:
    save(n28 / "DRC" / "DRC_all" / f"{N28[0]}.npy", values)
    with pytest.raises(InputError, match=what):
        read_circuitnet(n28).read(N28[0])


def test_folders_without_maps(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "packed" / "RUDY").mkdir(parents=True)
    (tmp_path / "packed" / "RUDY" / "RUDY.tar.gz").write_bytes(b"")
    (tmp_path / "half" / "feature").mkdir(parents=True)
    for name, what in (
        ("empty", "no maps of CircuitNet here"),
        ("packed", "after its script for decompression"),
        ("half", "no .npy file in feature/"),
        ("nowhere", "no such folder"),
    ):
        with pytest.raises(InputError, match=what):
            read_circuitnet(tmp_path / name)


def test_the_same_map_twice(n28: Path) -> None:
    save(n28 / "copy" / "RUDY" / "RUDY_long" / f"{N28[0]}.npy", np.ones(SHAPE))
    with pytest.raises(InputError, match="a map of this sample is there twice"):
        read_circuitnet(n28)


@pytest.mark.filterwarnings("ignore:Reading `.npy` or `.npz` file required")
def test_damaged_arrays_raise_nothing_else(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for suffix in (".npy", ".npz"):
        folder = folder_of(tmp_path / suffix[1:], {"RUDY": "RUDY/RUDY"}, (N14,), suffix)
        path = folder / "RUDY" / "RUDY" / f"{N14}{suffix}"
        good = path.read_bytes()
        for _ in range(150):
            damaged = bytearray(good)
            for position in rng.integers(0, min(len(good), 200), 3):
                damaged[position] = int(rng.integers(256))
            path.write_bytes(damaged)
            try:
                read_circuitnet(folder).read(N14)
            except InputError:
                continue


def training_set(root: Path, channels: int, label: NDArray[Any]) -> NDArray[np.float64]:
    features = np.random.default_rng(0).random((*label.shape, channels))
    save(root / "feature" / f"{N28[0]}.npy", features)
    save(root / "label" / f"{N28[0]}.npy", label[:, :, None])
    return features


def test_a_prepared_training_set(tmp_path: Path) -> None:
    label = np.zeros((4, 6))
    label[3, 1], label[0, 5] = 0.11, 0.09
    features = training_set(tmp_path, 9, label)
    sample = read_circuitnet(tmp_path, threshold=20).read(N28[0])
    assert read_circuitnet(tmp_path).channels == DRC_TASK_CHANNELS[:5]
    for index in range(5):
        np.testing.assert_allclose(sample.features[index], features[:, :, index].T, rtol=1e-6)
    assert sample.hotspots is not None
    assert np.argwhere(sample.hotspots).tolist() == [[1, 3]]
    assert sample.violation_density is not None
    assert sample.violation_density[5, 0] == pytest.approx(18)
    assert sample.label_kind == "circuitnet-innovus/DRC_all/circuitnet6>20"
    assert "demand cannot be compared" in sample.attributes["warnings"]
    with pytest.raises(InputError, match=r"not a stack of the channels, found '\(4, 6, 9\)', expected \[w, h, 2\]"):
        read_circuitnet(tmp_path, channels=["RUDY", "RUDY_pin"]).read(N28[0])


def test_a_prepared_label_beyond_one(tmp_path: Path) -> None:
    training_set(tmp_path, 9, np.full((4, 4), 2.0))
    with pytest.raises(InputError, match="a prepared label beyond 1"):
        read_circuitnet(tmp_path).read(N28[0])


def test_raw_round_trip(made_up_store: Path, tmp_path: Path) -> None:
    store = Store(made_up_store)
    assert export_circuitnet(made_up_store, tmp_path / "out", layout="raw") == len(store) == 24
    source = read_circuitnet(tmp_path / "out")
    assert source.channels == CHANNELS
    assert source.channel_version == CHANNEL_VERSION
    assert write(tmp_path / "again.h5", source, source.channels, source.channel_version) == 24
    again = verify(tmp_path / "again.h5")
    assert again.names == store.names
    for index in range(len(store)):
        one, two = store.sample(index), again.sample(index)
        for name in ("features", "hotspots", "violation_density"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        for name in ("design", "family", "net_count", "grid", "label_kind", "attributes"):
            assert getattr(one, name) == getattr(two, name)
        assert two.violated_nets is None
    raw = np.load(tmp_path / "out" / "cell_density" / "f2%2F1.npy")
    np.testing.assert_array_equal(raw, store.sample(store.names.index("f2/1")).features[1].T)


def test_unlabelled_samples_and_thresholds_travel_raw(tmp_path: Path) -> None:
    labelled = made_up_sample("a,b/.1", "a", 1)
    assert labelled.violation_density is not None
    strict = dataclasses.replace(
        labelled, hotspots=(labelled.violation_density > 2).astype(np.uint8), hotspot_threshold=2.0, label_kind="k>2"
    )
    write(tmp_path / "data.h5", [strict, made_up_sample(".b", "b", 2, labelled=False)], CHANNELS, CHANNEL_VERSION)
    verify(tmp_path / "data.h5")
    assert export_circuitnet(tmp_path / "data.h5", tmp_path / "out", layout="raw") == 2
    samples = {sample.sample: sample for sample in read_circuitnet(tmp_path / "out")}
    assert not samples[".b"].labelled
    assert samples["a,b/.1"].label_kind == "k>2"
    np.testing.assert_array_equal(samples["a,b/.1"].hotspots, strict.hotspots)
    assert (tmp_path / "out" / "all.csv").read_text() == "feature/a%2Cb%2F.1.npy,label/a%2Cb%2F.1.npy\n"
    assert export_circuitnet(tmp_path / "data.h5", tmp_path / "set") == 1


def test_training_export_by_area(made_up_store: Path, tmp_path: Path) -> None:
    store = Store(made_up_store)
    assert export_circuitnet(made_up_store, tmp_path / "out", resize=8, split=SPLIT) == 24
    sample = store.sample(store.names.index("f4/3"))
    feature = np.load(tmp_path / "out" / "feature" / "f4%2F3.npy")
    label = np.load(tmp_path / "out" / "label" / "f4%2F3.npy")
    assert (feature.shape, label.shape, feature.dtype) == ((8, 8, 17), (8, 8, 1), np.float32)
    trained = store.samples(SPLIT.train)
    for channel in (0, 5, 16):
        top = max(float(each.features[channel].max()) for each in trained)
        # The mean of an area-weighted map is kept, and one factor over the training split leads to 0 to 1.
        assert feature[:, :, channel].mean() * top == pytest.approx(float(sample.features[channel].mean()), rel=1e-5)
    assert sample.violation_density is not None
    assert label.max() == pytest.approx(float(sample.violation_density.max()) / 200)
    lists = {part: (tmp_path / "out" / f"{part}.csv").read_text().splitlines() for part in ("train", "search", "test")}
    assert {part: len(lines) for part, lines in lists.items()} == {"train": 12, "search": 4, "test": 8}
    assert lists["search"][0] == "feature/f3%2F0.npy,label/f3%2F0.npy"
    for line in lists["test"]:
        for path in line.split(","):
            assert np.load(tmp_path / "out" / path).ndim == 3


def test_training_round_trip_in_the_store_s_units(made_up_store: Path, tmp_path: Path) -> None:
    export_circuitnet(made_up_store, tmp_path / "out", resize=16)
    source = read_circuitnet(tmp_path / "out")
    assert source.channel_version == f"{CHANNEL_VERSION}/area16"
    stored = Store(made_up_store).sample(0)
    sample = source.read("f0%2F0")
    assert sample.sample == "f0/0"
    assert sample.label_kind == f"{KIND}/area16"
    np.testing.assert_allclose(sample.features[3], area_resize(stored.features[3], (16, 16)), rtol=1e-5)
    np.testing.assert_allclose(sample.violation_density, max_resize(stored.violation_density, (16, 16)), rtol=1e-6)
    assert write(tmp_path / "data.h5", source, source.channels, source.channel_version) == 24
    verify(tmp_path / "data.h5")


def test_training_export_as_circuitnet_prepares(n28: Path, tmp_path: Path) -> None:
    source = read_circuitnet(n28)
    write(tmp_path / "data.h5", source, source.channels, source.channel_version)
    assert export_circuitnet(tmp_path / "data.h5", tmp_path / "out", preprocessing="circuitnet", resize=9) == 2
    feature = np.load(tmp_path / "out" / "feature" / f"{N28[0]}.npy")
    for index, place in enumerate(PLACEMENT_MAPS.values()):
        zoomed = ndimage.zoom(np.load(n28 / place / f"{N28[0]}.npy"), (9 / 5, 9 / 7), order=3)
        expected = (zoomed - zoomed.min()) / (zoomed.max() - zoomed.min())
        np.testing.assert_allclose(feature[:, :, index], expected, atol=1e-6)
    counts = np.load(n28 / "DRC" / "DRC_all" / f"{N28[0]}.npy")
    label = np.load(tmp_path / "out" / "label" / f"{N28[0]}.npy")
    assert label.mean() * 200 == pytest.approx(counts.mean(), rel=1e-5)
    assert json.loads((tmp_path / "out" / "channels.json").read_text())["channels"][0]["scale"] is None


def test_a_constant_map_by_its_own_range(tmp_path: Path) -> None:
    flat = dataclasses.replace(made_up_sample("a", "a", 1), features=np.full((17, 13, 16), 3.0, np.float32))
    write(tmp_path / "data.h5", [flat], CHANNELS, CHANNEL_VERSION)
    export_circuitnet(tmp_path / "data.h5", tmp_path / "out", preprocessing="circuitnet", resize=8)
    assert not np.load(tmp_path / "out" / "feature" / "a.npy").any()


def test_nothing_is_written_on_an_error(made_up_store: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match="the folder exists"):
        export_circuitnet(made_up_store, tmp_path / "there")
    with pytest.raises(InputError, match="the split names a family that the data set lacks, found 'zz'"):
        export_circuitnet(made_up_store, tmp_path / "out", split=Split(("f0",), ("f1",), ("zz",)))
    with pytest.raises(InputError, match="maps cannot be of this size"):
        export_circuitnet(made_up_store, tmp_path / "out", resize=0)
    write(tmp_path / "plain.h5", [made_up_sample("b", "b", 2, labelled=False)], CHANNELS, CHANNEL_VERSION)
    with pytest.raises(InputError, match="no labelled placement to export"):
        export_circuitnet(tmp_path / "plain.h5", tmp_path / "out")

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_circuitnet(made_up_store, tmp_path / "out", resize=8, progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain.h5", "there"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"schema": "x"}, "an index of another schema, found 'x'"),
        ({"layout": "other"}, "a damaged index"),
        ({"channels": []}, "a damaged index"),
        ({"channels": [{"name": "a", "folder": "../a"}]}, "a damaged index"),
        ({"label_scale": float("nan")}, "a damaged index"),
        ({"samples": {"a": {}}}, "a damaged index"),
        ({"samples": None}, "a damaged index"),
    ],
)
def test_a_damaged_index(made_up_store: Path, tmp_path: Path, change: dict[str, Any], what: str) -> None:
    export_circuitnet(made_up_store, tmp_path / "out", resize=4)
    path = tmp_path / "out" / "channels.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=what):
        read_circuitnet(tmp_path / "out")
    path.write_text("{")
    with pytest.raises(InputError, match=r"channels\.json: cannot be read"):
        read_circuitnet(tmp_path / "out")


@pytest.mark.parametrize(
    ("old", "new"), [((9, 13), (4, 6)), ((9, 13), (12, 20)), ((30, 31), (7, 31)), ((1, 2), (3, 1))]
)
def test_resizing(old: tuple[int, int], new: tuple[int, int]) -> None:
    values = np.random.default_rng(1).random(old) * 5
    # Every tile as many small squares, of which a new tile holds a whole number.
    fine = np.kron(values, np.ones(new)).reshape(new[0], old[0], new[1], old[1])
    np.testing.assert_allclose(area_resize(values, new), fine.mean(axis=(1, 3)), rtol=1e-12)
    np.testing.assert_array_equal(max_resize(values, new), fine.max(axis=(1, 3)))


def spline_by_hand(values: NDArray[np.float64], new: int) -> NDArray[np.float64]:
    """Along the first axis: the periodic cubic spline through the values and their mirror image."""
    old = len(values)
    if old == 1:
        return np.repeat(values, new, axis=0)
    mirrored = np.concatenate([values, values[-2::-1]])
    spline = interpolate.CubicSpline(np.arange(2 * old - 1), mirrored, bc_type="periodic")
    return np.asarray(spline(np.arange(new) * ((old - 1) / max(new - 1, 1))))


@pytest.mark.parametrize(("old", "new"), [((9, 13), (4, 6)), ((9, 13), (12, 20)), ((30, 2), (7, 31)), ((1, 5), (3, 1))])
def test_cubic_resizing(old: tuple[int, int], new: tuple[int, int]) -> None:
    values = np.random.default_rng(1).random(old) * 5
    by_hand = spline_by_hand(spline_by_hand(values, new[0]).T, new[1]).T
    np.testing.assert_allclose(cubic_resize(values, new), by_hand, atol=1e-12)
