"""A layer is made once and lent to every stack."""

from __future__ import annotations

from pathlib import Path

from cli.local import functions
from cli.local.stack import Stack


def test_a_layer_made_for_one_stack_is_there_for_the_next(stack: Stack, tmp_path: Path) -> None:
    make(stack, "managed-layer-1.zip")
    other = Stack(tmp_path / "other", 1, 2)

    functions.save_layers(stack, tmp_path / "shelf")
    functions.restore_layers(other, tmp_path / "shelf")

    assert made_in(other) == ["managed-layer-1.zip"]


def test_only_the_layer_in_use_stays_on_the_shelf(stack: Stack, tmp_path: Path) -> None:
    make(stack, "managed-layer-1.zip")
    functions.save_layers(stack, tmp_path / "shelf")
    (packages(stack) / "managed-layer-1.zip").rename(packages(stack) / "managed-layer-2.zip")

    functions.save_layers(stack, tmp_path / "shelf")

    assert [path.name for path in (tmp_path / "shelf").iterdir()] == ["managed-layer-2.zip"]


def test_an_empty_shelf_lends_nothing(stack: Stack, tmp_path: Path) -> None:
    functions.restore_layers(stack, tmp_path / "shelf")

    assert made_in(stack) == []


def make(stack: Stack, name: str) -> None:
    packages(stack).mkdir(parents=True)
    (packages(stack) / name).write_bytes(b"layer")


def made_in(stack: Stack) -> list[str]:
    return [path.name for path in packages(stack).glob("*")]


def packages(stack: Stack) -> Path:
    return stack.build / ".chalice" / "deployments"
