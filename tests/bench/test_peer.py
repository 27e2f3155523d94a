"""The comparison with the former architecture: what is made of the numbers, and the peer's own job."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import PIL
import pytest

from bench import places
from bench.report import Table
from bench.suites import peer
from bench.suites.peer import EMULATOR, OURS, PLAIN, TUNED, Side
from bench.suites.throughput import Load, Upload
from bench.usage import Meter


def a_side(name: str, *, seconds: float, used: dict[str, float], took: float = 2.0) -> Side:
    uploads = [Upload(accepted=True, status="SUCCESS", seconds=seconds) for _ in range(4)]
    memory = [dict.fromkeys(used, 100.0), dict.fromkeys(used, 110.0)]
    return Side(name, Load("http://127.0.0.1:1", ""), Meter({}), uploads, took, used, memory)


def tables(ours: Side) -> list[Table]:
    theirs = [a_side(name, seconds=2.0, used={"Celery": 0.8}, took=4.0) for name in (TUNED, PLAIN)]
    return peer._tables([ours, *theirs], 1, 4, "300 600")  # noqa: SLF001


def test_ratios_are_ours_to_theirs_and_the_emulator_is_left_out() -> None:
    ours = a_side(OURS, seconds=1.0, used={EMULATOR: 4.0, "function wallify-local": 0.4})

    ratios = {row[0]: row[1] for row in tables(ours)[1].rows}

    assert ratios == {"processor without emulator": 0.5, "uploads a second": 2.0, "p95": 0.5}


def test_what_did_not_succeed_is_lost() -> None:
    ours = a_side(OURS, seconds=1.0, used={EMULATOR: 4.0})
    ours.uploads.append(Upload(accepted=False, status="not accepted: 500", seconds=9.0))

    first = tables(ours)[0]
    row = dict(zip((column.name for column in first.columns), first.rows[0], strict=True))

    assert (row["lost"], row["p95, s"], row["uploads/s"]) == (1, 1.0, 2.0)
    assert row["MB at the end"] == 110


def test_the_emulators_growth_is_an_upload_s_share() -> None:
    assert a_side(OURS, seconds=1.0, used={EMULATOR: 4.0}).grown() == 2.5


def test_photos_differ_in_bytes_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.photos.wallpapers", list)

    pictures = list(islice(peer._pictures(), 7))  # noqa: SLF001

    assert len({data for _, data in pictures}) == len({name for name, _ in pictures}) == 7
    assert all(len(data) <= peer.MOST_BYTES for _, data in pictures)


@pytest.mark.parametrize("name", ["celery", "flask", "gunicorn", "packaging", "pillow", "redis"])
def test_the_peers_packages_are_pinned(name: str) -> None:
    lines = (places.HERE / "peer" / "requirements.txt").read_text("utf-8").splitlines()

    assert [line for line in lines if line.split("[")[0].split("==")[0] == name and "==" in line]


def test_the_peer_has_the_pillow_that_we_ship() -> None:
    wanted = Path(places.HERE / "peer" / "requirements.txt").read_text("utf-8").lower()

    assert f"pillow=={PIL.__version__}" in wanted.splitlines()
