"""One zip for all functions: what app.py imports, every function pays for at every cold start."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.architecture.modules import ROOT

HEAVY = (
    "boto3",
    "botocore.session",
    "botocore.client",
    "PIL",
    "cykooz",
    "sqlalchemy",
    "alembic",
    "psycopg2",
    "multipart",
    "chalicelib.engine",
    "chalicelib.adapters",
    "chalicelib.admin",
    "chalicelib.container",
    "chalicelib.delivery",
    "chalicelib.events",
    "chalicelib.http.app",
    "chalicelib.http.request",
    "chalicelib.images",
    "chalicelib.maintenance",
    "chalicelib.monitor",
    "chalicelib.packaging",
    "chalicelib.ports",
    "chalicelib.tasks",
    "chalicelib.uploads",
    "chalice.deploy",
)
"""Powertools looks for `botocore` itself, whose own module is small; what is large are its sessions and clients."""


@pytest.fixture(scope="module")
def imported() -> frozenset[str]:
    tell = "import app, json, sys; print(json.dumps(sorted(sys.modules)))"
    completed = subprocess.run([sys.executable, "-c", tell], cwd=ROOT, capture_output=True, text=True, check=True)
    return frozenset(json.loads(completed.stdout.splitlines()[-1]))


@pytest.mark.parametrize("heavy", HEAVY)
def test_the_switchboard_imports_nothing_heavy(imported: frozenset[str], heavy: str) -> None:
    assert {name for name in imported if name == heavy or name.startswith(f"{heavy}.")} == set()


def test_the_switchboard_was_imported_at_all(imported: frozenset[str]) -> None:
    assert {"app", "chalicelib.http.routes", "chalicelib.settings"} <= imported


def test_the_start_collects_no_garbage_and_what_follows_does() -> None:
    # What loads app.py itself may complete a generation, so the count begins anew just before.
    tell = (
        "import gc; runs = []; gc.callbacks.append(lambda *of: runs.append(of)); "
        "gc.collect(); runs.clear(); import app; print(runs, gc.isenabled())"
    )
    told = subprocess.run([sys.executable, "-c", tell], cwd=ROOT, capture_output=True, text=True, check=True)

    assert told.stdout.splitlines()[-1] == "[] True"


def test_the_worker_of_images_imports_no_administration() -> None:
    tell = (
        "import sys; from chalicelib import events; import chalicelib.adapters.dynamodb, chalicelib.adapters.sqs; "
        "import chalicelib.images.process_image; "
        "print([name for name in sys.modules if name.startswith(('chalicelib.admin', 'chalicelib.maintenance'))])"
    )
    told = subprocess.run([sys.executable, "-c", tell], cwd=ROOT, capture_output=True, text=True, check=True)

    assert told.stdout.splitlines()[-1] == "[]"
