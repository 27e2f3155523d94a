"""The native search for marks of other kinds of files never misses what the rules in Python find."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from chalicelib.engine import native_module
from chalicelib.engine.foreign import is_foreign
from chalicelib.engine.native_module import is_unmarked
from tests.fuzz.seeds import seeds

native = pytest.mark.skipif(
    not native_module.is_available(), reason="the native module is not here; `python -m native.build` builds it"
)
NAMES = ("svg", "script", "html", "body", "iframe", "img", "embed", "object", "!doctype", "?php")
MARKUP = [f"<{made}{end}".encode() for name in NAMES for made in (name, name.upper(), name.title()) for end in " >/\n"]
OTHERS = [b"%PDF-1.7", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"PK\5\6", b"PK\3\4\x14\0\0\0\x08\0"]
NEARLY = [b"<svh ", b"<im", b"<!de ", b"PK\3\5", b"Rar?", b"7z\xbc\xae", b"%PD", b"< svg>", b"<\xd3vg "]


def files() -> Iterator[bytes]:
    """Each mark at every distance from the start and the end that makes a difference to a search in blocks of 64."""
    for mark in (*MARKUP, *OTHERS):
        for before in (0, 1, 60, 61, 62, 63, 64, 127, 128, 200):
            for behind in (0, 1, 3, 4, 63, 70):
                yield b"a" * before + mark + b"a" * behind


@native
def test_no_mark_is_missed_wherever_it_is() -> None:
    found = 0
    for body in files():
        assert is_foreign(body) == is_foreign(body, native=True)
        assert not is_unmarked(body) or not is_foreign(body)
        found += is_foreign(body)

    assert found > len(MARKUP) * 10


@native
@pytest.mark.parametrize("mark", NEARLY)
def test_what_is_no_mark_is_not_one(mark: bytes) -> None:
    assert is_unmarked(b"a" * 61 + mark + b"a" * 70)


@native
def test_chance_bytes_and_pictures_get_the_same_verdict() -> None:
    chance = random.Random(7)
    for _ in range(2_000):
        body = bytearray(chance.randbytes(chance.randrange(400)))
        for _ in range(chance.randrange(3)):
            at, mark = chance.randrange(len(body) + 1), chance.choice((*MARKUP, *OTHERS, *NEARLY))
            body[at:at] = mark[: chance.randrange(len(mark) + 1)]
        assert is_foreign(bytes(body)) == is_foreign(bytes(body), native=True)

    pictures = [body for form in ("jpeg", "png", "webp") for body in seeds(form)]
    assert [is_unmarked(body) for body in pictures].count(True) > len(pictures) // 2


@pytest.mark.parametrize("body", [b"", b"a", b"<svg", b"<svg>"])
def test_without_the_module_the_rules_decide(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_module, "library", lambda: None)

    assert not is_unmarked(body)
    assert is_foreign(body, native=True) == (body == b"<svg>")
