"""Mutations of a file's bytes: one function a kind of damage, each drawn from a ``random.Random``."""

from __future__ import annotations

import gzip
import random
import re
import zlib
from collections.abc import Callable
from functools import cache

Mutation = Callable[[bytes, random.Random], bytes]

_TOKEN = re.compile(rb"[^\s,;(){}\[\]<>\"']+|[,;(){}\[\]<>\"']")
_NUMBER = re.compile(rb"(?<![\w.])[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?(?![\w.])")
_CAPITALS = re.compile(rb"(?<!\S)[A-Z]{2,}[A-Z0-9]*(?!\S)")
_BLOCK = re.compile(rb"(?m)^ *([A-Z]+)\b(?=[ ;\n])[^\n]*\n(?:[^\n]*\n){0,400}? *END \1[^\n]*\n")
_STRANGE_NUMBERS = [
    b"-1", b"0", b"-0", b"1.5", b"+7", b"1e9", b"1e308", b"1e999", b"-1e999", b"1e-400",
    b"nan", b"inf", b"-inf", b"NaN",
    b"2147483647", b"2147483648", b"-2147483648", b"4294967296", b"9223372036854775807", b"9223372036854775808",
    b"-9223372036854775809", b"1_000", b"0x10", b"1,5", b".", b"-", b"1e", b"--1", b"\xd9\xa3", b"\xc2\xb2",
    b"\xe0\xa5\xa7",
    b"9" * 400, b"0." + b"1" * 400, b"1" + b"0" * 5000, b"999999999", b"123456789012", b"1000000000",
]  # fmt: skip
_WORDS = [
    b"-", b"+", b";", b"(", b")", b"*", b"END", b"#", b'"', b"'", b":", b"=", b",", b"<", b">", b"{", b"}", b"[", b"]",
    b"\\", b"&", b"&amp;", b"\x1b[2J", b"%s", b"{0}", b"../../etc/passwd", b"null", b"true", b"DO", b"BY", b"STEP",
    b"LAYER", b"RECT", b"POLYGON", b"NEW", b"MASK", b"PORT", b"PIN", b"MACRO", b"NETS", b"BEGINEXT", b"ENDEXT",
]  # fmt: skip
_BLANKS = [
    b"\r\n",
    b"\r",
    b"\v",
    b"\f",
    b"\t",
    b"\x1c",
    b"\x85",
    b"\xc2\x85",
    b"\xc2\xa0",
    b"\xe2\x80\xa8",
    b"\xe3\x80\x80",
    b"",
]
_BAD_UTF8 = [
    b"\xff",
    b"\xfe\xff",
    b"\xc3",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe2\x82",
    b"\xf0\x9f\x92\xa9",
    b"\xc0\x80",
]
_OPENERS = [b"( ", b"[", b"{", b"<a>", b'"', b"BEGINEXT ", b"POLYGON ( 0 0 ) ", b'{"a":', b"<!-- "]


def _span(data: bytes, rng: random.Random, pattern: re.Pattern[bytes] = _TOKEN) -> tuple[int, int]:
    """A token at random: the next at or behind a random place, so that long files cost no more than short ones."""
    for start in (rng.randrange(len(data) + 1), 0):
        found = pattern.search(data, start)
        if found is not None:
            return found.span()
    return len(data), len(data)


def _replaced(data: bytes, span: tuple[int, int], by: bytes) -> bytes:
    return data[: span[0]] + by + data[span[1] :]


def _line(data: bytes, rng: random.Random) -> tuple[int, int]:
    at = rng.randrange(len(data) + 1)
    end = data.find(b"\n", at)
    return data.rfind(b"\n", 0, at) + 1, len(data) if end < 0 else end + 1


def truncate(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def drop_head(data: bytes, rng: random.Random) -> bytes:
    return data[rng.randrange(len(data) + 1) :]


def flip_bytes(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4) if changed else 0):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def flip_bit(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    if changed:
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def delete_token(data: bytes, rng: random.Random) -> bytes:
    return _replaced(data, _span(data, rng), b"")


def duplicate_token(data: bytes, rng: random.Random) -> bytes:
    start, end = _span(data, rng)
    return _replaced(data, (start, end), data[start:end] + b" " + data[start:end])


def swap_tokens(data: bytes, rng: random.Random) -> bytes:
    first, second = sorted((_span(data, rng), _span(data, rng)))
    if first[1] > second[0]:
        return data
    return (
        data[: first[0]] + data[slice(*second)] + data[first[1] : second[0]] + data[slice(*first)] + data[second[1] :]
    )


def insert_word(data: bytes, rng: random.Random) -> bytes:
    start, _ = _span(data, rng)
    return _replaced(data, (start, start), rng.choice(_WORDS) + b" ")


def replace_word(data: bytes, rng: random.Random) -> bytes:
    """One token by another of the same file: a keyword in a wrong place, a name that is another's."""
    return _replaced(data, _span(data, rng), data[slice(*_span(data, rng))])


def strange_number(data: bytes, rng: random.Random) -> bytes:
    return _replaced(data, _span(data, rng, _NUMBER), rng.choice(_STRANGE_NUMBERS))


def other_count(data: bytes, rng: random.Random) -> bytes:
    """A number one more or less, negated, or many times as large."""
    start, end = _span(data, rng, _NUMBER)
    try:
        value = int(data[start:end])
    except ValueError:
        return strange_number(data, rng)
    return _replaced(data, (start, end), str(rng.choice([value + 1, value - 1, -value, value * 10**6])).encode())


def recased(data: bytes, rng: random.Random) -> bytes:
    """One word in capitals in another case, wherever it stands, or all of them."""
    words = sorted(set(_CAPITALS.findall(data)))
    if not words:
        return data
    chosen = words if rng.random() < 0.2 else [rng.choice(words)]
    how = rng.choice([bytes.lower, bytes.title, bytes.swapcase])
    return _CAPITALS.sub(lambda found: how(found[0]) if found[0] in chosen else found[0], data)


def renamed(data: bytes, rng: random.Random) -> bytes:
    """One word in capitals misspelt, wherever it stands."""
    words = sorted(set(_CAPITALS.findall(data)))
    if not words:
        return data
    chosen = rng.choice(words)
    at = rng.randrange(len(chosen))
    wrong = chosen[:at] + rng.choice([b"", b"Q", chosen[at : at + 1] * 2]) + chosen[at + 1 :]
    return re.sub(rb"(?<!\S)" + chosen + rb"(?!\S)", wrong, data)


def section_again(data: bytes, rng: random.Random) -> bytes:
    """A block up to its END, or a part of it, once more behind itself; or not at all."""
    blocks = list(_BLOCK.finditer(data))
    if not blocks:
        return data
    start, end = rng.choice(blocks).span()
    return (
        data[:end] + rng.choice([b"", b"\n" + data[start:end] + b"\n"]) + data[end:]
        if rng.random() < 0.6
        else (data[:start] + data[end:])
    )


def joined(data: bytes, rng: random.Random) -> bytes:
    """The file behind itself, with or without something between."""
    return data + rng.choice([b"", b"\n", b"# next\n", b"END LIBRARY\n", b"END DESIGN\n"]) + data


def delete_line(data: bytes, rng: random.Random) -> bytes:
    return _replaced(data, _line(data, rng), b"")


def duplicate_line(data: bytes, rng: random.Random) -> bytes:
    start, end = _line(data, rng)
    return _replaced(data, (start, end), data[start:end] * rng.choice([2, 2, 3, 50]))


def move_lines(data: bytes, rng: random.Random) -> bytes:
    start, _ = _line(data, rng)
    _, end = _line(data, rng)
    start, end = min(start, end), max(start, end)
    rest = data[:start] + data[end:]
    at, _ = _line(rest, rng)
    return rest[:at] + data[start:end] + rest[at:]


def delete_mark(data: bytes, rng: random.Random) -> bytes:
    """One of the characters that end or enclose something."""
    return _replaced(data, _span(data, rng, re.compile(rb"[;\"'(){}\[\]<>,:=-]")), b"")


def open_string(data: bytes, rng: random.Random) -> bytes:
    start, _ = _span(data, rng)
    return _replaced(data, (start, start), b'"')


def other_blanks(data: bytes, rng: random.Random) -> bytes:
    """Line ends or blanks of other systems and scripts, at one place or throughout."""
    old, new = rng.choice([b"\n", b" "]), rng.choice(_BLANKS)
    if rng.random() < 0.5:
        return data.replace(old, new)
    at = data.find(old, rng.randrange(len(data) + 1))
    return data if at < 0 else _replaced(data, (at, at + 1), new)


def bad_utf8(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(_BAD_UTF8) + data[at:]


def other_encoding(data: bytes, rng: random.Random) -> bytes:
    text = data.decode("utf-8", errors="replace")
    return text.encode(rng.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7"]))


def nul(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + b"\0" * rng.choice([1, 1, 700]) + data[at:]


def empty(data: bytes, rng: random.Random) -> bytes:
    return rng.choice([b"", b" ", b"\n" * 5, b"\t \r\n", b"\xef\xbb\xbf"])


def random_bytes(data: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(rng.choice([1, 10, 1000, 50_000]))


def random_text(data: bytes, rng: random.Random) -> bytes:
    """The file's own tokens in another order."""
    tokens = _TOKEN.findall(data[:20_000])
    rng.shuffle(tokens)
    return rng.choice([b" ", b"\n"]).join(tokens)


def long_token(data: bytes, rng: random.Random) -> bytes:
    size = rng.choice([5000, 300_000, 3_000_000])
    return _replaced(data, _span(data, rng), rng.choice([b"a", b"7", b"\\", b"/", b"-", b"*", b"1e"]) * size)


def long_line(data: bytes, rng: random.Random) -> bytes:
    start, end = _line(data, rng)
    many = rng.choice([1000, 20_000])
    return _replaced(data, (start, end), data[start:end].replace(b"\n", b" ") * many + b"\n")


def nested(data: bytes, rng: random.Random) -> bytes:
    start, _ = _span(data, rng)
    return _replaced(data, (start, start), rng.choice(_OPENERS) * rng.choice([3, 1000, 100_000]))


def packed(data: bytes, rng: random.Random) -> bytes:
    """A good gzip file, in one member or in two, or packed twice."""
    half = len(data) // 2
    kind = rng.randrange(3)
    if kind == 0:
        return gzip.compress(data, 1, mtime=0)
    if kind == 1:
        return gzip.compress(data[:half], 1, mtime=0) + gzip.compress(data[half:], 1, mtime=0)
    return gzip.compress(gzip.compress(data, 1, mtime=0), 1, mtime=0)


def broken_gzip(data: bytes, rng: random.Random) -> bytes:
    """A gzip file that is cut off, damaged, or followed by something else."""
    whole = gzip.compress(data, 1, mtime=0)
    damage = rng.choice(
        [truncate, flip_bytes, flip_bit, lambda packed, rng: packed + rng.randbytes(rng.randint(1, 40))]
    )
    return damage(whole, rng)


BOMB_SIZE = 1 << 28
"""Bytes that a bomb unpacks to."""


def bomb(data: bytes, rng: random.Random) -> bytes:
    """A gzip file of half a megabyte that unpacks to ``BOMB_SIZE`` bytes, between the two halves of the file."""
    at = data.rfind(b"\n", 0, rng.randrange(len(data) + 1)) + 1
    filling = rng.choice(
        [b"\0", b" ", b"\n", b"a", b"# x\n", b"-\n", b"( ", b"0 ", b'"', b"<a>", b"[", data[at : at + 60] or b"x"]
    )
    parts = gzip.compress(data[:at], 1, mtime=0), _filling(filling), gzip.compress(data[at:], 1, mtime=0)
    return b"".join(parts)


@cache
def _filling(unit: bytes) -> bytes:
    block = unit * ((1 << 24) // len(unit))
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    member = packer.compress(block) + packer.flush()
    return member * (BOMB_SIZE // len(block))


def zeroed(data: bytes, rng: random.Random) -> bytes:
    """A stretch overwritten with zeros, as after a crash of the machine."""
    start, size = rng.randrange(len(data) + 1), rng.choice([1, 64, 4096])
    return data[:start] + b"\0" * len(data[start : start + size]) + data[start + size :]


def lost_block(data: bytes, rng: random.Random) -> bytes:
    start, size = rng.randrange(len(data) + 1), rng.choice([1, 64, 4096])
    return data[:start] + data[start + size :]


def appended(data: bytes, rng: random.Random) -> bytes:
    return data + rng.choice([b"\n", b"\0", b"x", rng.randbytes(100), data])


SMALL: tuple[Mutation, ...] = (
    truncate, drop_head, flip_bytes, flip_bit, delete_token, duplicate_token, swap_tokens, insert_word, replace_word,
    strange_number, other_count, delete_line, duplicate_line, move_lines, delete_mark, open_string, other_blanks,
    bad_utf8, other_encoding, nul, empty, random_bytes, random_text, packed, broken_gzip, appended, recased, renamed,
    section_again, joined,
)  # fmt: skip
LARGE: tuple[Mutation, ...] = (long_token, long_line, nested)
BINARY: tuple[Mutation, ...] = (
    truncate,
    drop_head,
    flip_bytes,
    flip_bit,
    zeroed,
    lost_block,
    appended,
    empty,
    random_bytes,
)


def mutate(data: bytes, rng: random.Random, *, binary: bool = False, bombs: float = 0.01) -> tuple[str, bytes]:
    """Names of the mutations that were made, and the bytes. ``bombs`` is the share of gzip bombs."""
    if binary:
        chosen = [rng.choice(BINARY)]
    elif rng.random() < bombs:
        chosen = [bomb]
    elif rng.random() < 0.06:
        chosen = [rng.choice(LARGE)]
    else:
        chosen = [rng.choice(SMALL) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
    for mutation in chosen:
        data = mutation(data, rng)
    return "+".join(mutation.__name__ for mutation in chosen), data
