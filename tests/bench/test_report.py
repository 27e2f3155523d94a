import json
from pathlib import Path

from rich.console import Console

from bench.report import Column, Table, as_markdown, show, write_json

TABLE = Table(
    "Speed",
    (Column("engine"), Column("ms", 1), Column("ratio", 2, "x")),
    (("ours", 12.345, 1.5), ("theirs", None, 1.0)),
    ("a note",),
)


def test_markdown_rounds_and_marks_what_is_missing() -> None:
    assert as_markdown(TABLE).splitlines()[2:] == [
        "| engine | ms | ratio |",
        "| --- | ---: | ---: |",
        "| ours | 12.3 | 1.50x |",
        "| theirs | - | 1.00x |",
        "",
        "- a note",
    ]


def test_json_keeps_every_digit(tmp_path: Path) -> None:
    write_json([TABLE], {"cores": 2}, tmp_path / "out.json")

    written = json.loads((tmp_path / "out.json").read_text())
    assert written["machine"] == {"cores": 2}
    assert written["tables"][0]["rows"][0] == {"engine": "ours", "ms": 12.345, "ratio": 1.5}


def test_the_terminal_shows_title_rows_and_notes() -> None:
    console = Console(width=100, record=True, quiet=False, file=None)
    with console.capture() as captured:
        show(TABLE, console)

    shown = captured.get()
    assert all(word in shown for word in ("Speed", "12.3", "1.50x", "a note"))
