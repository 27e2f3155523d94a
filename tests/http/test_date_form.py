"""Moments are written in one form, wherever a client may meet one."""

from __future__ import annotations

import gzip
import json
import logging
import re
from datetime import timedelta

import pytest

from chalicelib import storage
from chalicelib.admin.scopes import Scope
from chalicelib.container import Container
from chalicelib.telemetry import log
from tests.http.forms import a_file, upload
from tests.http.gateway import Gateway
from tests.http.memory_service import a_jpeg, a_token, bucket_of

ONE_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ANY_FORM = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^\"\s,]*")
PLACES = (
    "/tasks",
    "/tasks/active",
    "/overview",
    "/schedules",
    "/tokens",
    "/audit",
    "/trash",
    "/collections/lakes/images",
)


@pytest.fixture
def used(admin: Gateway, working_services: Container) -> Gateway:
    """A Wallify that has been used at moments with and without microseconds."""
    a_token(working_services, Scope.READ)
    for seed in range(3):
        admin.post("/queues/images/pause")
        upload(admin, a_file(a_jpeg(seed=seed)), collection="lakes")
        working_services.clock.sleep(timedelta(milliseconds=1234, microseconds=567) / timedelta(seconds=1))
    found = admin.get("/collections/lakes/images").json["images"]
    admin.ask("DELETE", f"/images/{found[0]['image_id']}")
    return admin


@pytest.mark.parametrize("path", PLACES)
def test_answers_write_moments_in_one_form(used: Gateway, path: str) -> None:
    found = ANY_FORM.findall(used.get(path).text)

    assert found or path == "/tasks/active"
    assert [one for one in found if not ONE_FORM.fullmatch(one)] == []


def test_manifests_write_moments_in_the_same_form(used: Gateway, working_services: Container) -> None:
    working_services.manifests.refresh("lakes")

    stored = bucket_of(working_services).blobs[storage.manifest("lakes")].body
    found = ANY_FORM.findall(gzip.decompress(stored).decode())

    assert len(found) == 2
    assert all(map(ONE_FORM.fullmatch, found))


def test_log_lines_have_the_same_form() -> None:
    record = logging.LogRecord("wallify", logging.INFO, __file__, 1, "said", (), None)

    assert ONE_FORM.fullmatch(json.loads(log.registered_formatter.format(record))["timestamp"])
