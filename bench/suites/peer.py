"""The local cloud beside the architecture that Wallify replaces: the same photos, clients and machine, in turn."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import httpx

from bench import photos, places
from bench.machine import without_allocator
from bench.painted import painted_jpeg
from bench.peer.stack import running_peer
from bench.report import Cell, Column, Table
from bench.suites.throughput import CLIENTS, Load, Picture, Upload, unlike, uploaded
from bench.sums import percentile
from bench.usage import Meter, since
from cli.local import machine
from cli.local.aws import client
from cli.local.processes import PROCESSES, Daemon
from cli.local.stack import STAGE, Record, Stack

ROUNDS, UPLOADS = 3, 60
WARM = 2 * CLIENTS
"""Uploads to each system before anything counts: processes and imports are warm."""
MOST_BYTES = 4_400_000
"""Of a photo: what one request to the API takes, with its form."""
AFTER = 40.0
"""Seconds for what follows an upload, such as the manifest, which comes half a minute later."""
EMULATOR = "emulator"
OURS, TUNED, PLAIN = "Wallify", "Celery, reduced decode", "Celery, whole decode"
GOALS: Mapping[str, tuple[str, float]] = {
    "processor without emulator": ("<=", 0.45),
    "uploads a second": (">=", 1.3),
    "p95": ("<=", 0.5),
}
"""Goal for each ratio of Wallify's number to a peer's."""


@dataclass
class Side:
    """One system under load, and what all rounds have found."""

    name: str
    load: Load
    meter: Meter
    uploads: list[Upload] = field(default_factory=list)
    took: float = 0.0
    """Seconds of all turns together."""
    used: dict[str, float] = field(default_factory=dict)
    """Processor time by kind of process."""
    memory: list[dict[str, float]] = field(default_factory=list)
    """Memory by kind of process after each turn, the first before all of them."""

    @property
    def done(self) -> int:
        """Uploads that succeeded."""
        return sum(one.status == "SUCCESS" for one in self.uploads)

    def seconds(self, percent: int) -> float:
        """Time from the first byte to the final state, at this percentile."""
        return percentile([one.seconds for one in self.uploads if one.accepted], percent)

    def processor_ms(self, kind: str = "") -> float:
        """Processor time an upload of a kind of process, or of all but the emulator."""
        kinds = {kind} if kind else self.used.keys() - {EMULATOR}
        return 1000 * sum(self.used.get(one, 0.0) for one in kinds) / max(self.done, 1)

    @property
    def rate(self) -> float:
        """Successful uploads a second."""
        return self.done / self.took if self.took else 0.0

    def grown(self) -> float:
        """Megabytes an upload by which the emulator's memory has grown."""
        first, last = self.memory[0].get(EMULATOR, 0.0), self.memory[-1].get(EMULATOR, 0.0)
        return (last - first) / max(self.done, 1)


def run(rounds: int = ROUNDS, uploads: int = UPLOADS, tell: Callable[[str], None] = lambda _: None) -> list[Table]:
    """Run both systems at once and load them in turn; each round gives all of them the same new photos."""
    with tempfile.TemporaryDirectory(prefix="wallify-bench-") as home, ExitStack() as running:
        tell("peer: starting the local cloud")
        stack, token = running.enter_context(_local_cloud(Path(home) / "cloud"))
        tell("peer: starting Redis, Flask and Celery")
        peer = running.enter_context(running_peer(Path(home) / "peer"))
        ours = Side(OURS, Load(stack.api_url, token), Meter(_roots(stack)))
        running.enter_context(ours.meter.running())
        theirs = Meter(peer.roots)
        running.enter_context(theirs.running())
        pictures = _pictures()
        _warm(ours, pictures)
        avif = _avif_sizes(ours.load)
        sides = [
            ours,
            Side(TUNED, Load(peer.url, peer.token, fields={"avif": avif}), theirs),
            Side(PLAIN, Load(peer.url, peer.token, fields={"avif": avif, "whole": "yes"}), theirs),
        ]
        _warm(sides[1], pictures)
        _all_rounds(sides, pictures, rounds, uploads, tell)
        return _tables(sides, rounds, uploads, avif)


def _all_rounds(
    sides: Sequence[Side], pictures: Iterator[Picture], rounds: int, uploads: int, tell: Callable[[str], None]
) -> None:
    began = sides[0].meter.seconds()
    for side in sides:
        side.memory.append(side.meter.megabytes())
    for number in range(rounds):
        photographs = list(islice(pictures, uploads))
        for side in (*sides[number % len(sides) :], *sides[: number % len(sides)]):
            tell(f"peer: round {number + 1} of {rounds}, {side.name}")
            _turn(side, photographs)
    tell("peer: what follows the last uploads")
    time.sleep(AFTER)
    # Work after uploads and idle time count as well for ours, and for the peer only its own turns.
    sides[0].used = since(began, sides[0].meter.seconds())


def _turn(side: Side, pictures: Sequence[Picture]) -> None:
    before, began = side.meter.seconds(), time.perf_counter()
    side.uploads += uploaded(side.load, f"bench-{time.time_ns():x}", pictures)
    side.took += time.perf_counter() - began
    for kind, used in since(before, side.meter.seconds()).items():
        side.used[kind] = side.used.get(kind, 0.0) + used
    side.memory.append(side.meter.megabytes())


def _warm(side: Side, pictures: Iterator[Picture]) -> None:
    found = uploaded(side.load, "bench-first", list(islice(pictures, WARM)))
    if not any(one.status == "SUCCESS" for one in found):
        raise SystemExit(f"There is nothing to measure: {side.name}'s first uploads were {found[0].status}.")


def _pictures() -> Iterator[Picture]:
    """Yield photos without end, each with other bytes than all before: wallpapers as they are, else drawn ones."""
    found = [photo.data for photo in photos.wallpapers() if len(photo.data) <= MOST_BYTES]
    drawn = found or [painted_jpeg(*shape, seed=shape[0], quality=82) for shape in ((1600, 1200), (3000, 2000))]
    numbered = enumerate(cycle(drawn))
    return ((f"photo-{number:05}.jpg", unlike(data, number)) for number, data in numbered)


@contextmanager
def _local_cloud(home: Path) -> Iterator[tuple[Stack, str]]:
    """Start the local cloud by its own command, as a user does, and remove it at the end."""
    port = machine.free_port()
    command = [sys.executable, "-m", "cli"]
    folder = ["--dir", str(home)]
    up = [*command, "up", *folder, "--port", str(port), "--json"]
    # The bench itself runs with the functions' allocator, and the emulator does not.
    plain = without_allocator(os.environ)
    made = subprocess.run(up, cwd=places.ROOT, env=plain, capture_output=True, text=True, check=False)
    try:
        if made.returncode:
            raise SystemExit(f"The local cloud did not start:\n{made.stderr}")
        record = Record.of(home)
        _leave_out_widths(Stack(home, record.port, record.emulator_port))
        yield Stack(home, record.port, record.emulator_port), record.token
    finally:
        subprocess.run([*command, "down", *folder, "--wipe"], cwd=places.ROOT, capture_output=True, check=False)


def _leave_out_widths(stack: Stack) -> None:
    """Let uploads end with their thumbnails: the former architecture makes no widths for screens."""
    functions, name = client(stack, "lambda"), f"wallify-{STAGE}-process_image"
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": variables | {"WALLIFY_LADDER_AT": "off"}}
    )


def _roots(stack: Stack) -> dict[str, int]:
    return {name: pid for name in PROCESSES if (pid := Daemon(stack, name).pid())}


def _avif_sizes(load: Load) -> str:
    """Return the sizes of which Wallify makes an AVIF, separated by spaces, from the newest finished task."""
    headers = {"Authorization": f"Bearer {load.token}"}
    with httpx.Client(base_url=load.url, headers=headers, timeout=60.0, trust_env=False) as client:
        newest = client.get("/tasks", params={"state": "SUCCESS", "limit": 1}).raise_for_status().json()["tasks"][0]
        task = client.get(f"/task/status/{newest['task_id']}").raise_for_status().json()
    thumbnails = task["result"]["thumbnails"]
    sizes = [one["size"] for one in thumbnails if any(source["format"] == "avif" for source in one["sources"])]
    return " ".join(map(str, sizes))


def _tables(sides: Sequence[Side], rounds: int, uploads: int, avif: str) -> list[Table]:
    title = f"Beside Celery, Redis, Flask and Pillow: {rounds} turns of {uploads} uploads from {CLIENTS} clients each"
    columns = (
        Column("system"),
        Column("uploads/s", 2),
        Column("p50, s", 2),
        Column("p95, s", 2),
        Column("ms of processor"),
        Column("with emulator"),
        Column("lost"),
        Column("MB at the end"),
    )
    rows = tuple(_row(side) for side in sides)
    notes = (
        "ms of processor: an upload, all processes of the system; Wallify's with idle time and what follows an upload",
        f"all make three JPEGs, and AVIFs of {avif or 'no size'}; Wallify also makes a clean full form, no widths here",
        "reduced decode: Pillow decodes JPEGs at a lower resolution; whole: upright first, as most programs do it",
        f"the emulator's memory grew by {sides[0].grown():.2f} MB an upload",
    )
    return [Table(title, columns, rows, notes), _ratios(sides), *(_by_process(side) for side in sides)]


def _row(side: Side) -> tuple[Cell, ...]:
    whole = side.processor_ms() + side.processor_ms(EMULATOR)
    lost = len(side.uploads) - side.done
    memory = sum(side.memory[-1].values())
    return side.name, side.rate, side.seconds(50), side.seconds(95), side.processor_ms(), whole, lost, memory


def _ratios(sides: Sequence[Side]) -> Table:
    ours, tuned, plain = sides
    questions: dict[str, Callable[[Side], float]] = {
        "processor without emulator": Side.processor_ms,
        "uploads a second": lambda side: side.rate,
        "p95": lambda side: side.seconds(95),
    }
    rows = tuple(
        (name, of(ours) / of(tuned), of(ours) / of(plain), f"{GOALS[name][0]} {GOALS[name][1]}")
        for name, of in questions.items()
    )
    columns = (Column("Wallify to Celery"), Column("reduced decode", 2), Column("whole decode", 2), Column("goal"))
    return Table("Ratios", columns, rows)


def _by_process(side: Side) -> Table:
    columns = (Column("process"), Column("ms an upload", 1), Column("MB at the end"))
    kinds = sorted(side.used, key=lambda kind: -side.used[kind])
    rows = tuple((kind, side.processor_ms(kind), side.memory[-1].get(kind)) for kind in kinds)
    return Table(f"{side.name}, by process", columns, rows)
