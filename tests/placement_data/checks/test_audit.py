"""The audit of a split: it finds each kind of leak, and finds none where there is none."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from placement_data.checks.audit import SCHEMA, Audit, Model, audit, read_parts
from placement_data.checks.duplicates import THRESHOLD, descriptor, near_duplicates
from placement_data.checks.families import Families, base_name, normal_name, read_families
from placement_data.dataset import Normalisation, draw_split, symmetry
from placement_data.errors import InputError
from placement_data.resize import area_resize
from placement_data.store import Sample, Store, write
from tests.samples import CHANNEL_VERSION, CHANNELS, KIND, made_up_sample, made_up_samples

PARTS = {"train": ("f0", "f1", "f2"), "search": ("f3",), "test": ("f4", "f5")}


def distinct(samples: Sequence[Sample]) -> list[Sample]:
    """The same with a layout file of their own each, as real placements have."""
    return [
        dataclasses.replace(
            sample,
            sources={f"{sample.sample}.def.gz": f"{number:064x}", "cells.lef": "f" * 64, "a.drc": "e" * 64},
            net_count=sample.net_count + number,
        )
        for number, sample in enumerate(samples)
    ]


SAMPLES = distinct(made_up_samples(6, 2))


def audited(
    folder: Path, samples: Sequence[Sample], parts: Mapping[str, tuple[str, ...]] = PARTS, **more: Any
) -> Audit:
    write(folder / "data.h5", samples, CHANNELS, CHANNEL_VERSION)
    return audit(Store(folder / "data.h5"), parts, **more)


def changed(name: str, **change: Any) -> list[Sample]:
    return [dataclasses.replace(sample, **change) if sample.sample == name else sample for sample in SAMPLES]


def codes(found: Audit) -> list[tuple[str, str]]:
    return [(finding.code, finding.severity) for finding in found.findings]


def test_a_clean_split(tmp_path: Path) -> None:
    found = audited(tmp_path, SAMPLES, split_name="split.json")
    assert codes(found) == []
    value = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert value["schema"] == SCHEMA == "routenas.audit/1"
    assert (value["leaks"], value["warnings"], value["findings"]) == (0, 0, [])
    assert value["parts"]["train"] == {
        "families": ["f0", "f1", "f2"], "designs": 3, "placements": 6, "labelled": 6, "label_kinds": [KIND],
    }  # fmt: skip
    assert value["data_sha256"] == (tmp_path / "data.h5").read_bytes()[21:85].decode()
    assert str(found).endswith("0 leaks, 0 warnings")


def test_a_family_in_two_parts_is_found_once(tmp_path: Path) -> None:
    found = audited(tmp_path, SAMPLES, {**PARTS, "search": ("f3", "f4")})
    assert codes(found) == [("family-in-two-parts", "leak")]
    assert found.findings[0].parts == ("search", "test")
    assert "family f4 is in search and test" in str(found)


def test_the_same_layout_file(tmp_path: Path) -> None:
    found = audited(tmp_path, changed("f4/1", sources={"other.def": f"{0:064x}"}))
    assert codes(found) == [("same-source", "leak")]
    assert found.findings[0].items == ("train: f0/0", "test: f4/1")


def test_libraries_and_reports_may_be_shared_and_provenance_tells_layouts(tmp_path: Path) -> None:
    strange = {"a.strange": "a" * 64}
    both = [
        dataclasses.replace(sample, sources=strange) if sample.sample in ("f0/0", "f5/0") else sample
        for sample in SAMPLES
    ]
    assert codes(audited(tmp_path, both)) == []
    told = [
        dataclasses.replace(sample, provenance={"layout": ["a.strange"]}) if sample.sources == strange else sample
        for sample in both
    ]
    assert codes(audited(tmp_path, told)) == [("same-source", "leak")]


def test_sample_names_that_differ_in_case_only(tmp_path: Path) -> None:
    assert codes(audited(tmp_path, changed("f5/0", sample="F0/0"))) == [("same-sample", "leak")]


@pytest.mark.parametrize(
    ("designs", "code", "severity"),
    [
        (("core", "core"), "same-design", "leak"),
        (("b15", "b17_1"), "same-family", "leak"),
        (("s1196", "S1238"), "same-family", "leak"),
        (("mgc_des_perf_a", "des_perf"), "same-family", "leak"),
        (("RISCY-a", "RISCY-FPU-b"), "same-family", "leak"),
        (("RISCY-a", "zero-riscy-b"), "related-designs", "warning"),
        (("dsp_opt", "DSP"), "design-name-variant", "leak"),
        (("decoder_1", "decoder_v2"), "similar-names", "warning"),
        (("c17", "c18"), None, None),
        (("b03", "b04"), None, None),
        (("s1196", "s1488"), None, None),
        (("superblue1", "superblue2"), None, None),
    ],
)
def test_designs(tmp_path: Path, designs: tuple[str, str], code: str | None, severity: str | None) -> None:
    one, other = designs
    renamed = {"f1": one, "f5": other}
    samples = [dataclasses.replace(sample, design=renamed.get(sample.family, sample.design)) for sample in SAMPLES]
    assert codes(audited(tmp_path, samples)) == ([] if code is None else [(code, severity)])


def test_the_table_of_a_user(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("design,family\nF1,ours\nf5*,ours\n")
    found = audited(tmp_path, SAMPLES, families=Families(read_families(path)))
    assert codes(found) == [("same-family", "leak")]
    assert "ours (your table)" in str(found)
    # It overrules the bundled one.
    assert Families({"b17": "not that b17"}).groups(["b15", "b17"]) == {}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("design\na\n", r"mine.csv:1: column 'family' is missing"),
        ("design,family\na,\n", r"mine.csv:2: a row needs a design and a family"),
        ("design,family\na,x\na,y\n", r"mine.csv:3: design a is in two families, found 'y'"),
        ("design,family\na,x,z\n", r"mine.csv:2: a row needs"),
    ],
)
def test_faulty_tables(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(InputError, match=what):
        read_families(tmp_path / "mine.csv")
    with pytest.raises(InputError, match=r"gone\.csv: the table of families cannot be read"):
        read_families(tmp_path / "gone.csv")


def test_names() -> None:
    assert normal_name("B14.1_OPT") == "b14_1"
    assert normal_name("AES-core") == "aes"
    assert normal_name("core") == "core"
    assert base_name("fft_b") == base_name("FFT_2") == "fft"
    assert base_name("b03") == "b03"


def test_all_families_of_the_specification() -> None:
    groups = (
        "b14 b14_1 b15 b15_1 b17 b17_1 b18 b18_1 b19 b20 b20_1 b21 b21_1 b22",
        "s344 s349", "s382 s400 s444 s526 s526n", "s208_1 s420_1 s838_1", "s641 s713", "s820 s832", "s1196 s1238",
        "s1488 s1494", "mgc_des_perf_1 mgc_des_perf_a mgc_des_perf_b", "mgc_fft_1 mgc_fft_2 mgc_fft_a mgc_fft_b",
        "mgc_matrix_mult_1 mgc_matrix_mult_a", "mgc_pci_bridge32_a mgc_pci_bridge32_b pci", "RISCY-a RISCY-FPU-a RISCY",
    )  # fmt: skip
    known = Families()
    found = []
    for group in groups:
        relations = {getattr(known.of(design), "family", None) for design in group.split()}
        assert len(relations) == 1
        found.append(relations.pop())
    assert len(set(found)) == len(groups)
    assert None not in found


# --- near-duplicates ----------------------------------------------------------------------------------------------


def copies(maps: np.ndarray[Any, Any], rng: np.random.Generator) -> dict[str, np.ndarray[Any, Any]]:
    rows, columns = maps.shape[1:]
    return {
        "itself": maps,
        "times 3": 3 * maps,
        "noise": (maps * np.exp(0.1 * rng.standard_normal(maps.shape))).astype(np.float32),
        "coarser": area_resize(np.kron(maps, np.ones((2, 2))), (min(rows, columns),) * 2).astype(np.float32),
        **{f"symmetry {code}": symmetry(maps, code) for code in range(1, 8)},
    }


def test_copies_are_near_and_others_are_not() -> None:
    rng = np.random.default_rng(1)
    maps = made_up_sample("a", "a", 5, (40, 44)).features
    for name, copy in copies(maps, rng).items():
        pairs = near_duplicates([descriptor(maps)], [descriptor(copy)])
        assert [pair[:2] for pair in pairs] == [(0, 0)], name
    # Unrelated maps: every channel has peaks of its own places.
    others = [
        np.stack([made_up_sample("b", "b", 100 * k + c, (40, 44)).features[0] for c in range(17)]) for k in range(9)
    ]
    assert near_duplicates([descriptor(maps)], [descriptor(other) for other in others]) == []


def test_a_transposed_copy_is_found_by_channels_of_a_direction() -> None:
    """In a transposed layout what was horizontal is vertical; maps of one direction each have peaks of their own."""
    maps = np.stack([made_up_sample("a", "a", seed, (40, 40)).features[0] for seed in (1, 2, 3, 4)])
    names = ("demand_horizontal", "demand_vertical", "use_vertical", "use_horizontal")
    copy = symmetry(maps[[1, 0, 3, 2]], 5)
    assert near_duplicates([descriptor(maps)], [descriptor(copy)]) == []
    pairs = near_duplicates([descriptor(maps)], [descriptor(copy)], channels=names)
    assert [pair[:2] for pair in pairs] == [(0, 0)]


def test_constant_and_tiny_maps_are_near_nothing() -> None:
    empty, tiny = np.ones((17, 20, 20), np.float32), np.random.default_rng(0).random((17, 5, 5)).astype(np.float32)
    for maps in (empty, tiny):
        assert near_duplicates([descriptor(maps)], [descriptor(maps)]) == []
    assert near_duplicates([], [descriptor(empty)]) == []


def test_many_pairs_equal_a_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placement_data.checks.duplicates._BLOCK", 3)
    left = [descriptor(made_up_sample("a", "a", seed, (16, 20)).features) for seed in range(5)]
    right = [descriptor(made_up_sample("a", "a", seed, (18, 18)).features) for seed in range(3, 11)]
    plain = {
        (i, j): max(float((a * symmetry(b, code)).sum()) for code in range(8))
        for i, a in enumerate(left)
        for j, b in enumerate(right)
    }
    found = near_duplicates(left, right, 0.3)
    assert {pair[:2] for pair in found} == {pair for pair, value in plain.items() if value >= 0.3}
    for i, j, value in found:
        assert value == pytest.approx(plain[i, j], abs=1e-5)
    assert [value for *_, value in found] == sorted((value for *_, value in found), reverse=True)


def test_a_turned_copy_under_another_name(tmp_path: Path) -> None:
    samples = list(SAMPLES)
    original = next(sample for sample in samples if sample.sample == "f0/1")
    turned = dataclasses.replace(
        made_up_sample("f5/9", "f5", 1, original.features.shape[:0:-1], labelled=False),
        features=np.ascontiguousarray(symmetry(original.features, 5)),
        sources={"x.def": "9" * 64},
    )
    found = audited(tmp_path, [*samples, turned])
    assert codes(found) == [("near-duplicate", "leak")]
    assert found.findings[0].items == ("train: f0/1 = test: f5/9 (1.000)",)


def test_one_netlist_of_two_names(tmp_path: Path) -> None:
    one = next(sample for sample in SAMPLES if sample.sample == "f0/0")
    pins = one.features[CHANNELS.index("pin_density")].astype(np.float64).sum()
    other = next(sample for sample in SAMPLES if sample.sample == "f5/0").features.copy()
    channel = CHANNELS.index("pin_density")
    other[channel] *= pins / other[channel].astype(np.float64).sum()
    found = audited(tmp_path, changed("f5/0", features=other, net_count=one.net_count))
    assert codes(found) == [("same-netlist-size", "warning")]


def test_real_placements_of_different_designs_are_no_duplicates(shared_data: Path) -> None:
    from routenas import example

    store = Store(example.PLACEMENTS)
    split = draw_split(store, 0)
    parts = {name: tuple(families) for name, families in split.to_dict().items()}
    assert codes(audit(store, parts)) == []
    values = [descriptor(store.features(index)) for index in range(len(store))]
    pairs = near_duplicates(values, values, 0.8)
    cross = [value for i, j, value in pairs if store.designs[i] != store.designs[j]]
    assert max(cross) < THRESHOLD - 0.04


# --- labels, parts, channels --------------------------------------------------------------------------------------


def test_labels_and_parts(tmp_path: Path) -> None:
    found = audited(tmp_path, changed("f3/0", label_kind="other/1"))
    assert codes(found) == [("mixed-label-kinds", "warning")]
    assert codes(audited(tmp_path, changed("f4/0", label_kind="other/1"))) == [("other-label-kind", "warning")]
    assert ("no-label-kind", "warning") in codes(audited(tmp_path, changed("f4/0", label_kind="")))
    found = audited(tmp_path, SAMPLES, {"train": ("f0",), "search": ("zz",), "test": ("f1",)})
    assert codes(found) == [("unused-family", "warning"), ("unknown-family", "warning"), ("empty-part", "warning")]
    assert "families of the data set are in no part: " in str(found)
    assert found.unassigned == ("f2", "f3", "f4", "f5")
    plain = [*SAMPLES, dataclasses.replace(made_up_sample("u/0", "u", 900, labelled=False), sources={})]
    found = audited(tmp_path, plain, {"train": ("f0",), "search": ("f1",), "test": ("u",)})
    assert codes(found) == [("unused-family", "warning"), ("unlabelled-part", "warning")]


def test_tiles_and_router_channels(tmp_path: Path) -> None:
    grid = {**SAMPLES[0].grid, "tile": 2 * SAMPLES[0].grid["tile"]}
    assert codes(audited(tmp_path, changed("f0/0", grid=grid))) == [("mixed-tiles", "warning")]
    names = ("congestion_eGR_horizontal_overflow", "estimated_overflow_vertical", *CHANNELS[2:])
    write(tmp_path / "data.h5", SAMPLES, names, "other/1")
    found = audit(Store(tmp_path / "data.h5"), PARTS)
    assert codes(found) == [("router-channels", "warning")]
    assert found.findings[0].items == names[:1]


# --- normalisation and models -------------------------------------------------------------------------------------


def fitted(*families: str) -> Normalisation:
    return Normalisation.fit([sample.features for sample in SAMPLES if sample.family in families])


@pytest.mark.parametrize(
    ("families", "expected"),
    [
        (PARTS["train"], []),
        (("f0", "f1", "f2", "f3"), [("normalisation-not-train", "leak")]),
        (("f0", "f1", "f2", "f4", "f5"), [("normalisation-not-train", "leak")]),
        (("f0", "f1", "f2", "f3", "f4", "f5"), [("normalisation-not-train", "leak")]),
        (("f4", "f5"), [("normalisation-not-train", "leak")]),
        (("f0", "f4"), [("unknown-normalisation", "warning")]),
    ],
)
def test_normalisation(tmp_path: Path, families: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    assert codes(audited(tmp_path, SAMPLES, normalisation=fitted(*families))) == expected
    model = Model("m", PARTS, fitted(*families), CHANNEL_VERSION, KIND)
    assert codes(audited(tmp_path, SAMPLES, models=[model])) == expected


def test_models(tmp_path: Path) -> None:
    other = {"train": ("f0", "f1", "f4"), "search": ("f5",), "test": ("f2",)}
    model = Model("m", other, fitted("f0", "f1", "f4"), CHANNEL_VERSION, KIND)
    found = audited(tmp_path, SAMPLES, models=[model])
    assert codes(found) == [("model-saw-part", "leak"), ("other-split", "warning")]
    assert found.findings[0].items == ("f4", "f5")
    chosen = Model("m", {**PARTS, "train": ("f3",), "search": ("f0",)}, fitted("f3"), CHANNEL_VERSION, KIND)
    assert ("model-saw-part", "leak") in codes(audited(tmp_path, SAMPLES, models=[chosen]))
    both = (*PARTS["train"], *PARTS["search"])
    out_of_fold = Model("m", {**PARTS, "train": both, "search": ()}, fitted(*both), CHANNEL_VERSION, KIND)
    found = audited(tmp_path, SAMPLES, models=[out_of_fold])
    assert codes(found) == [("model-saw-part", "warning"), ("other-split", "warning")]
    assert (found.findings[0].parts, found.findings[0].items) == (("search",), tuple(sorted(PARTS["search"])))
    on_test = Model(
        "m", {**PARTS, "train": (*both, *PARTS["test"]), "search": ()}, fitted(*both), CHANNEL_VERSION, KIND
    )
    assert ("model-saw-part", "leak") in codes(audited(tmp_path, SAMPLES, models=[on_test]))
    strange = Model("m", PARTS, fitted(*PARTS["train"]), "all/1", "another/1")
    found = audited(tmp_path, SAMPLES, models=[strange])
    assert codes(found) == [("other-channels", "warning"), ("label-kind-absent", "warning")]


def test_read_parts(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    normalisation = fitted("f0")
    value = {"train": ["a"], "search": ["a"], "test": [], "normalisation": normalisation.to_dict()}
    path.write_text(json.dumps(value))
    assert read_parts(path) == ({"train": ("a",), "search": ("a",), "test": ()}, normalisation)
    for text, what in (
        ("{}", "not a split"),
        ("[1]", "not a split"),
        ('{"train": [1], "search": [], "test": []}', "not a split"),
        ("\x00", "the split cannot be read"),
        (json.dumps({**value, "normalisation": {"scale": []}}), "the split's normalisation cannot be used"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=f"split.json: {what}"):
            read_parts(path)


def test_a_part_without_a_hotspot(tmp_path: Path) -> None:
    clean = [
        dataclasses.replace(sample, hotspots=np.zeros_like(sample.hotspots)) if sample.family == "f3" else sample
        for sample in SAMPLES
    ]
    found = [finding for finding in audited(tmp_path, clean).findings if finding.code == "no-hotspot"]
    assert [(finding.severity, finding.parts) for finding in found] == [("warning", ("search",))]
