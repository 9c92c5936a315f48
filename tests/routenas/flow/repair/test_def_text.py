"""The text of a DEF keeps every byte but those of the places."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from placement_data.errors import InputError
from routenas.flow.repair.def_text import DefText

TEXT = b"""VERSION 5.8 ; # COMPONENTS 9 ;
DESIGN "COMPONENTS 1 ;" ;
PROPERTYDEFINITIONS
 COMPONENT COMPONENTS STRING ;
END PROPERTYDEFINITIONS
COMPONENTS 5 ;\r
- a M + PLACED ( 0 0 ) N ;
-\tb[1] M + SOURCE DIST # + PLACED ( 7 7 ) N ;
  + PLACED ( -5\t10 )   FS + WEIGHT 2;
- c M + placed ( 1 2 ) S + PROPERTY text "- d M + PLACED ( 5 5 ) N ;" ;
- d M + FIXED ( 3 4 ) N ;
END COMPONENTS
NETS 3 ;
- one ( a A ) ( b[1] B ) ;
- two ( a A ) ( c B ) + ROUTED m1 ( 0 0 ) ( 5 * ) ;
- three ( c COMPONENTS ) + USE FIXED + WEIGHT 1 ;
END NETS
COMPONENTS 1 ;
- \xe9 M + PLACED ( 8 8 ) FN ;
END COMPONENTS
END DESIGN
"""


def text_of(folder: Path, data: bytes = TEXT, name: str = "a.def") -> DefText:
    path = folder / name
    path.write_bytes(data)
    return DefText(path)


def test_places_alone_change(tmp_path: Path) -> None:
    moved = text_of(tmp_path).moved(
        {"a": (100, 200, "FN"), "b[1]": (7, -8, "S"), "c": (0, 0, "N"), "\xe9": (1, 1, "N")}
    )
    expected = (
        TEXT.replace(b"( 0 0 ) N ;\n-\t", b"( 100 200 ) FN ;\n-\t")
        .replace(b"( -5\t10 )   FS", b"( 7\t-8 )   S")
        .replace(b"( 1 2 ) S", b"( 0 0 ) N")
        .replace(b"( 8 8 ) FN", b"( 1 1 ) N")
    )
    assert moved == expected


def test_nothing_changes(tmp_path: Path) -> None:
    text = text_of(tmp_path)
    assert text.moved({}) is text.data


@pytest.mark.parametrize("name", ["d", "e", "one"])
def test_what_is_not_placed_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=rf"a\.def: the place of a component is not found in the text, found '{name}'"):
        text_of(tmp_path).moved({name: (0, 0, "N")})


def test_nets_with_wires(tmp_path: Path) -> None:
    assert text_of(tmp_path).wired_nets() == {"two"}
    assert text_of(tmp_path, TEXT.replace(b"+ ROUTED", b"+ USE ROUTED")).wired_nets() == frozenset()


def test_gzip_by_suffix(tmp_path: Path) -> None:
    packed = gzip.compress(TEXT, 5, mtime=77)
    text = text_of(tmp_path, packed)
    assert text.data == TEXT
    assert text.file(text.data, Path("b.def.gz")) == packed  # byte by byte
    assert text.file(text.data, Path("b.def")) == TEXT
    assert gzip.decompress(text.file(TEXT + b"\n", Path("b.def.gz"))) == TEXT + b"\n"
    plain = text_of(tmp_path)
    assert plain.file(plain.data, Path("b.def")) == TEXT
    assert gzip.decompress(plain.file(plain.data, Path("b.def.gz"))) == TEXT


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="damaged or cut off"):
        text_of(tmp_path, gzip.compress(TEXT)[:-20])
    with pytest.raises(InputError, match="cannot be read"):
        DefText(tmp_path / "none.def")
