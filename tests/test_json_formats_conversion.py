"""Each type is met by one thread alone, and no conversion goes past the place that sees to it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import msgspec
import pytest

from chalicelib.json_formats import convert, is_met

ROOT = Path(__file__).parents[1]
PLACES = {
    "chalicelib/json_formats.py": "the place itself",
    "chalicelib/settings.py": "read once, by a process that has no other thread yet",
    "infra/checks.py": "one value of a configuration, before anything is deployed",
    "cli/client/http.py": "the same for the commands, which do not know the server's code",
}
THREADS = 8


def test_threads_that_come_to_a_new_type_at_once_all_get_their_value() -> None:
    kinds = [msgspec.defstruct(f"New{number}", [("n", int), ("more", list[str], [])]) for number in range(50)]
    together = Barrier(THREADS)

    def meet(number: int) -> list[object]:
        together.wait()
        return [convert({"n": number}, kind) for kind in kinds]

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(meet, range(THREADS)))

    assert found == [[kind(n=number) for kind in kinds] for number in range(THREADS)]
    assert all(is_met(kind) for kind in kinds)


def test_a_value_that_is_none_of_the_kind_is_refused_each_time() -> None:
    kind = msgspec.defstruct("Strict", [("n", int)])
    for _ in range(2):
        with pytest.raises(msgspec.ValidationError):
            convert({"n": "one"}, kind)


def conversions(path: Path) -> Iterator[str]:
    """Calls of msgspec that need a description of a type."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)) if "msgspec" in text else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = ast.unparse(node.func)
            typed = called.endswith("json.decode") and any(word.arg == "type" for word in node.keywords)
            if called in {"msgspec.convert", "msgspec.json.Decoder", "msgspec.msgpack.Decoder"} or typed:
                yield called


@pytest.mark.parametrize("folder", ["chalicelib", "cli", "infra"])
def test_every_conversion_takes_the_guarded_way(folder: str) -> None:
    found = {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*.py") if any(conversions(path))}
    assert found == {place for place in PLACES if place.startswith(folder)}
