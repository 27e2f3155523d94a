"""How many files and functions one upload runs through: accepted, worked on, asked for.

`python -m scripts.trace_upload [--list]` sends one JPEG through the functions of app.py, over moto's S3, SQS and
DynamoDB, and prints the number of files, functions and changes of file for each part and for all. `--list` names them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType

from tests.infra.account import Account, an_account
from tests.infra.day import upload

ROOT = Path(__file__).resolve().parents[1]
Entered = list[CodeType]
"""Functions of what is deployed, in the order in which they were entered."""


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m scripts.trace_upload", description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the files")
    parts = traced()
    parts["all"] = [code for part in parts.values() for code in part]
    for name, entered in parts.items():
        counts = len(files(entered)), len(set(entered)), switches(entered)
        sys.stdout.write("{:8}{:4} files {:5} functions {:5} changes of file\n".format(name, *counts))
    if parser.parse_args().list:
        sys.stdout.write("\n".join(sorted(files(parts["all"]))) + "\n")
    return 0


def traced() -> dict[str, Entered]:
    """The second upload of a process, so that what is built once does not count: part -> what was entered."""
    with an_account() as account:
        _upload(account, 0, lambda _: nullcontext())
        entered: dict[str, Entered] = {"accept": [], "work": [], "status": []}
        _upload(account, 1, lambda part: _recording(entered[part]))
    return entered


def files(entered: Entered) -> set[str]:
    """Paths below the root."""
    return {str(Path(code.co_filename).relative_to(ROOT)) for code in entered}


def switches(entered: Entered) -> int:
    """How often a function lies in another file than the one that was entered before it."""
    names = [code.co_filename for code in entered]
    return sum(one != other for one, other in pairwise(names))


def _upload(account: Account, number: int, during: Callable[[str], AbstractContextManager[None]]) -> None:
    with during("accept"):
        task_id = upload(account, number)
    account.announce_all()
    with during("work"):
        account.work("Images")
    with during("status"):
        account.ask("GET", f"/task/status/{task_id}")


@contextmanager
def _recording(entered: Entered) -> Iterator[None]:
    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_name != "<module>" and _is_deployed(code.co_filename):
            entered.append(code)

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)


@cache
def _is_deployed(file: str) -> bool:
    path = Path(file)
    return path == ROOT / "app.py" or path.is_relative_to(ROOT / "chalicelib")


if __name__ == "__main__":
    sys.exit(main())
