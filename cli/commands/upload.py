"""`wallify upload`: upload files and folders into a collection."""

from __future__ import annotations

import argparse
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cli import environment, errors
from cli.commands import connection
from cli.commands.parser import Commands, add_command
from cli.errors import CommandError
from cli.output import format_bytes, print_json, sanitized, stderr, stdout
from cli.uploads.files import FoundFiles, dedupe_for, find_files
from cli.uploads.journal import Journal, open_journal, remove_journal
from cli.uploads.progress import FileFinished, Outcome, ProgressBars, UploadCounts

if TYPE_CHECKING:
    from cli.client.api import Client


def register(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "upload",
        "upload files and folders into a collection",
        "upload photos --collection wallpapers",
        "upload a.jpg b.png --collection wallpapers --jobs 8",
        "upload photos --collection wallpapers --resume",
    )
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder with all its subfolders"
    )
    parser.add_argument(
        "--collection", required=True, metavar="C", help="name of the collection; created if it does not exist"
    )
    parser.add_argument(
        "--jobs", type=_jobs, default=4, metavar="N", help="files to send in parallel, 1 to 64 (default: 4)"
    )
    parser.add_argument("--resume", action="store_true", help="continue the last upload into this collection")
    parser.add_argument(
        "--on-duplicate",
        choices=("reuse", "copy", "error"),
        default="reuse",
        help="if the collection has the same bytes: reuse the image (default), create a copy, or fail",
    )
    parser.add_argument(
        "--no-wait", action="store_true", help="end when the files are sent; do not wait until they are processed"
    )
    connection.add_options(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Run the command; return exit code 7 if a file failed."""
    found = find_files(given.paths)
    if not found.files:
        raise CommandError(
            "No image was found.", "Give image files, or folders that contain images.", exit_code=errors.MISSING
        )
    place, folder = connection.target_from(given), environment.client_settings().state / "uploads"
    with (
        connection.connect(given) as api,
        open_journal(folder, place.url, given.collection, resume=given.resume) as book,
    ):
        return _uploaded(given, api, book, found)


def _uploaded(given: argparse.Namespace, api: Client, book: Journal, found: FoundFiles) -> int:
    tally, began = UploadCounts(len(found.files), sum(file.bytes for file in found.files)), time.monotonic()
    interrupted = False
    try:
        _sent(given, api, book, found, tally)
    except KeyboardInterrupt:
        interrupted = True
    if not interrupted and not tally.failures:
        remove_journal(book)
    _sum_up(given, found, tally, time.monotonic() - began, interrupted=interrupted)
    if interrupted:
        return errors.INTERRUPTED
    return errors.PARTLY if tally.failures else errors.DONE


def _sent(given: argparse.Namespace, api: Client, book: Journal, found: FoundFiles, tally: UploadCounts) -> None:
    from cli.uploads.uploader import Uploader, UploadOptions  # noqa: PLC0415 - httpx takes its time, and help needs none

    order = UploadOptions(given.collection, given.on_duplicate, given.jobs, waits=not given.no_wait)
    crew = Uploader(api, book, dedupe_for(api, given.collection, len(found.files)), order)
    with ProgressBars(tally, stdout, quiet=given.json) as bars:
        for event in crew.work(found.files):
            tally.hear(event)
            bars.draw()
            if isinstance(event, FileFinished):
                _tell(given, event)


def _tell(given: argparse.Namespace, ended: FileFinished) -> None:
    facts = {name: getattr(ended, name) for name in ("outcome", "task_id", "image_id", "code", "message", "warnings")}
    if given.json:
        print_json({"path": str(ended.file.path), **facts})
    elif ended.outcome is Outcome.FAILED:
        stderr.print(f"{sanitized(str(ended.file.path))}: {sanitized(ended.message)}", markup=False, soft_wrap=True)
    else:
        for warning in ended.warnings:
            words = f"{sanitized(str(ended.file.path))}: uploaded, but: {sanitized(warning)}"
            stderr.print(words, markup=False, soft_wrap=True)


def _sum_up(
    given: argparse.Namespace, found: FoundFiles, tally: UploadCounts, seconds: float, *, interrupted: bool
) -> None:
    counts = {str(outcome): tally.outcomes[outcome] for outcome in Outcome}
    if given.json:
        times = {"seconds": round(seconds, 3), "interrupted": interrupted}
        print_json({"files": tally.files, **counts, "left_out": found.left_out, **times})
        return
    results = [f"{count} {WORDS[Outcome(outcome)]}" for outcome, count in counts.items() if count]
    total = f"{tally.files} files, {format_bytes(tally.bytes)}"
    _print(f"{total}: {', '.join(results) or 'none finished'}, in {seconds:.1f} s.")
    if found.left_out:
        files = "1 file that is not an image" if found.left_out == 1 else f"{found.left_out} files that are not images"
        _print(f"Skipped {files} (by extension).")
    if interrupted or tally.failures:
        again = sanitized(f"./wallify upload {_typed(given)} --resume")
        _print(f"{'Interrupted; continue' if interrupted else 'Try again'} with: {again}")


def _print(line: str) -> None:
    stdout.print(line, markup=False, soft_wrap=True)


def _typed(given: argparse.Namespace) -> str:
    """Return the arguments of the same upload, without the token."""
    options = {name: getattr(given, name) for name in ("collection", "url", "profile", "dir")}
    words = [str(word) for name, value in options.items() if value for word in (f"--{name}", value)]
    return shlex.join([*map(str, given.paths), *words])


WORDS = {
    Outcome.UPLOADED: "uploaded",
    Outcome.KNOWN: "existed already",
    Outcome.SENT: "sent",
    Outcome.FAILED: "failed",
}


def _jobs(text: str) -> int:
    jobs = int(text)
    if not 1 <= jobs <= 64:  # noqa: PLR2004 - more than a gateway likes from one client
        raise argparse.ArgumentTypeError("1 to 64 files at once")
    return jobs
