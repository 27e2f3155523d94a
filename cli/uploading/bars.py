"""The bars: one for all files, one for each that is being sent."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from cli.showing import size
from cli.terminal import harmless
from cli.uploading.files import Local
from cli.uploading.tally import Tally

NAME = 28  # characters of a file name that a bar has room for


class Bars:
    """Draws a tally. Nothing is drawn where there is no terminal, but the numbers are kept all the same."""

    def __init__(self, tally: Tally, console: Console, *, quiet: bool = False) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[says]}"))
        self.tally = tally
        self.progress = Progress(
            *columns, TimeElapsedColumn(), console=console, transient=True, disable=quiet or not console.is_terminal
        )
        self.total = self.progress.add_task("All files", total=tally.files, says="")
        self.rows: dict[Local, TaskID] = {}

    def __enter__(self) -> Self:
        self.progress.start()
        self.draw()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.progress.stop()

    def draw(self) -> None:
        """Show the tally as it is now."""
        tally = self.tally
        self.progress.update(self.total, completed=tally.ended, says=_says(tally))
        for file in self.rows.keys() - tally.sending.keys():
            self.progress.remove_task(self.rows.pop(file))
        for file, sent in tally.sending.items():
            self._draw_file(file, sent)

    def _draw_file(self, file: Local, sent: int) -> None:
        if file not in self.rows:
            name = harmless(file.path.name).replace("[", "\\[")
            self.rows[file] = self.progress.add_task(_short(name), total=file.bytes or 1, says=size(file.bytes))
        self.progress.update(self.rows[file], completed=sent)


def _says(tally: Tally) -> str:
    parts = [f"{tally.ended} of {tally.files}", f"{size(tally.bytes_done)} of {size(tally.bytes)}"]
    parts += [f"{len(tally.waiting)} being processed"] if tally.waiting else []
    parts += [f"{len(tally.failures)} failed"] if tally.failures else []
    return ", ".join(parts)


def _short(name: str) -> str:
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"
