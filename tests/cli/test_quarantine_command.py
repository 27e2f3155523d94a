from __future__ import annotations

from chalicelib.objects import NewObject
from tests.cli.conftest import Terminal
from tests.cli.serving import Desk


def test_what_clean_up_took_away_comes_back(at_desk: Terminal, desk: Desk) -> None:
    desk.bucket.put(NewObject("quarantine/p/lost.jpg", b"bytes", "image/jpeg"))

    (held,) = at_desk("quarantine", "--json").lines
    back = at_desk("quarantine", "restore", held["key"])

    assert (held["key"], held["bytes"]) == ("p/lost.jpg", 5)
    assert (back.code, back.out.strip()) == (0, "p/lost.jpg lies where it lay.")
    assert at_desk("quarantine", "list").out.splitlines() == ["key\tsize\tsince\tuntil"]


def test_what_is_not_held_cannot_come_back(at_desk: Terminal) -> None:
    assert at_desk("quarantine", "restore", "p/never.jpg").code == 5
