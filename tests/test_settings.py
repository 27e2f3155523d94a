from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from chalicelib.settings import BadSetting, Settings, load, types, unknown, variable_of, variables
from infra.template import properties

ROOT = Path(__file__).parents[1]
NUMBERS = sorted(field for field, kind in types().items() if get_args(kind)[0] is int)
TEXTS = sorted(types().keys() - set(NUMBERS))
HUGE = 10**17
BESIDE = {"WALLIFY_MAX_BODY_BYTES": "1000", "WALLIFY_KEEP_DAYS": "1", "WALLIFY_DATABASE_SECRET": "wallify/dev/database"}
"""Values that let every other setting go to both of its ends."""


def bounds(field: str) -> tuple[int, int]:
    meta = get_args(types()[field])[1]
    return meta.ge, meta.le


def refused(**environ: str) -> str:
    with pytest.raises(BadSetting) as raised:
        load(environ)
    assert raised.value.details["settings"]
    return raised.value.message


def test_without_an_environment_the_settings_are_the_defaults() -> None:
    assert load({}) == Settings()


def test_the_defaults_are_within_their_bounds() -> None:
    for field in msgspec.structs.fields(Settings):
        load({"WALLIFY_STAGE": "local", variable_of(field.name): str(field.default)})


@pytest.mark.parametrize("field", NUMBERS)
def test_a_number_is_taken_from_its_least_to_its_most_and_no_further(field: str) -> None:
    name, (least, most) = variable_of(field), bounds(field)
    others = {variable: value for variable, value in BESIDE.items() if variable != name}
    if field == "max_body_bytes":
        others["WALLIFY_MAX_UPLOAD_BYTES"] = "5000000"
    if field == "keep_days":
        others["WALLIFY_KEEP_FAILED_DAYS"] = str(most)

    assert getattr(load({**others, name: str(least)}), field) == least
    assert getattr(load({**others, name: str(most)}), field) == most
    for beyond in (least - 1, most + 1, -HUGE, HUGE):
        assert f"{name} must be a whole number from {least} to {most}, not {beyond}." in refused(**{name: str(beyond)})


@pytest.mark.parametrize("field", NUMBERS)
def test_what_is_no_plain_number_is_told_by_the_variables_name(field: str) -> None:
    for text in ("", " 5", "5 ", "+5", "05", "ten", "1.5", "5.0", "0x10", "NaN", "1e3", "5\n", "\u0665", "5_0"):
        assert f"{variable_of(field)} must be a whole number" in refused(**{variable_of(field): text})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WALLIFY_STATE", ""),
        ("WALLIFY_STATE", "postgres"),
        ("WALLIFY_STATE", "DynamoDB"),
        ("WALLIFY_STAGE", ""),
        ("WALLIFY_STAGE", "Prod"),
        ("WALLIFY_STAGE", "prod\n"),
        ("WALLIFY_STAGE", "a" * 17),
        ("WALLIFY_RENDITION_SIZES", "big"),
        ("WALLIFY_RENDITION_SIZES", ""),
        ("WALLIFY_RENDITION_SIZES", "600,,150"),
        ("WALLIFY_RENDITION_SIZES", "600, 300"),
        ("WALLIFY_RENDITION_SIZES", "600,600"),
        ("WALLIFY_RENDITION_SIZES", "-600"),
        ("WALLIFY_RENDITION_SIZES", "15"),
        ("WALLIFY_RENDITION_SIZES", "4097"),
        ("WALLIFY_RENDITION_SIZES", "99999999999999999999"),
        ("WALLIFY_RENDITION_SIZES", ",".join(map(str, range(100, 109)))),
        ("WALLIFY_RENDITION_FORMATS", "jpg"),
        ("WALLIFY_RENDITION_FORMATS", ""),
        ("WALLIFY_RENDITION_FORMATS", "JPEG"),
        ("WALLIFY_RENDITION_FORMATS", "avif"),
        ("WALLIFY_RENDITION_FORMATS", "jpeg,jpeg"),
        ("WALLIFY_VARIANT_FORMATS", "png"),
        ("WALLIFY_VARIANT_FORMATS", "avif,avif"),
        ("WALLIFY_CDN_URL", "cdn.example"),
        ("WALLIFY_CDN_URL", "https://cdn.example/"),
        ("WALLIFY_CDN_URL", "https://user:hunter2@cdn.example"),
        ("WALLIFY_CDN_URL", "javascript:alert(1)"),
        ("WALLIFY_CORS_ORIGIN", "https://app.example/"),
        ("WALLIFY_CORS_ORIGIN", "https://a.example, https://b.example"),
        ("WALLIFY_CORS_ORIGIN", "**"),
        ("WALLIFY_BUCKET", "a bucket"),
        ("WALLIFY_TABLE", "a/table"),
        ("WALLIFY_IMAGES_QUEUE", ""),
        ("WALLIFY_IMAGES_QUEUE", "https://sqs/queue"),
        ("WALLIFY_IMAGES_QUEUE", "wallify-dev-thumbnails"),
        ("WALLIFY_DATABASE_URL", "mysql://wallify:hunter2@db/wallify"),
        ("WALLIFY_BOOTSTRAP_SECRET", "wlf_hunter2"),
        ("WALLIFY_CLOCK_STANDS_AT", "noon"),
        ("WALLIFY_CLOCK_STANDS_AT", "2026-03-04T12:00:00"),
        ("WALLIFY_CLOCK_STANDS_AT", "2026-02-30T12:00:00Z"),
    ],
)
def test_a_text_outside_of_its_form_is_told_by_the_variables_name_and_never_by_its_value(name: str, value: str) -> None:
    message = refused(**{"WALLIFY_STAGE": "local", name: value})

    assert name in message
    assert "hunter2" not in message


def test_all_that_is_wrong_is_told_at_once() -> None:
    message = refused(WALLIFY_CLEANUP_PERCENT="500", WALLIFY_ORPHAN_HOURS="-5", WALLIFY_CONCURENCY="8")

    assert "WALLIFY_CLEANUP_PERCENT must be a whole number from 0 to 100, not 500." in message
    assert "WALLIFY_ORPHAN_HOURS must be a whole number from 1 to 8760, not -5." in message
    assert "WALLIFY_CONCURENCY is not a setting. Did you mean WALLIFY_CONCURRENCY?" in message


@pytest.mark.parametrize(
    "name",
    [
        *(
            "WALLIFY_NO_SUCH",
            "WALLIFY_",
            "WALLIFY",
            "WALLIFY_CONCURRENCY_",
            "WALLIFY__CONCURRENCY",
            "WALLIFYCONCURRENCY",
        ),
        *("wallify_concurrency", "Wallify_Concurrency", "WALIFY_CONCURRENCY", "WALLFY_CONCURRENCY", "WALLIFI_STATE"),
    ],
)
def test_a_name_that_nothing_reads_is_refused(name: str) -> None:
    assert f"{name} is not a setting." in refused(**{name: "1"})


@pytest.mark.parametrize(
    "name", ["PATH", "WALLET", "WALLPAPER_HOME", "CONCURRENCY", "WAYLAND_DISPLAY", "AWS_REGION", ""]
)
def test_names_of_others_are_left_alone(name: str) -> None:
    assert load({name: "1"}) == Settings()


def test_names_of_the_terminal_are_known_and_change_nothing() -> None:
    assert load({"WALLIFY_URL": "x", "WALLIFY_TOKEN": "y", "WALLIFY_PYTHON": "z"}) == Settings()


@examples(deadline=None)  # a busy machine is no fault
@given(name=st.sampled_from(sorted(variables())), data=st.data())
def test_no_typing_error_in_a_name_is_passed_over(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(len("WALLIFY_"), len(name) - 1))
    typed = data.draw(
        st.sampled_from(
            [
                name[:place] + name[place + 1 :],
                name[:place] + name[place] + name[place:],
                name[:place] + "9" + name[place + 1 :],
                name[:place] + name[place:].lower(),
            ]
        )
    )

    assert [found for found, _ in unknown({typed: "1"})] == [typed]


@examples(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(sorted(variables())),
        st.one_of(
            st.integers(-HUGE, HUGE).map(str),
            st.floats().map(str),
            st.text(max_size=40),
            st.sampled_from(
                ["", "0", "1", "-1", "true", "null", "*", "sql", "avif,avif", "600", "https://a", "1" * 400]
            ),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_is_set_is_within_its_bounds_or_refused_by_name(environ: dict[str, str]) -> None:
    try:
        loaded = load(environ)
    except BadSetting as refusal:
        named = set(str(refusal.message).replace(".", " ").replace(":", " ").split()) & variables()
        assert named & (environ.keys() | {"WALLIFY_DATABASE_SECRET"})
        return
    for field, kind in types().items():
        value = getattr(loaded, field)
        assert str(value) == environ.get(variable_of(field), str(value))
        msgspec.convert(value, kind)


def test_settings_that_do_not_fit_together_are_told() -> None:
    assert "WALLIFY_KEEP_FAILED_DAYS must not be less" in refused(WALLIFY_KEEP_DAYS="200")
    assert "WALLIFY_MAX_UPLOAD_BYTES must not be less" in refused(WALLIFY_MAX_UPLOAD_BYTES="4000000")
    assert "WALLIFY_DATABASE_SECRET" in refused(WALLIFY_STATE="sql")
    assert load({"WALLIFY_STATE": "sql", "WALLIFY_DATABASE_URL": "postgresql://db/wallify"}).state == "sql"


def test_a_function_needs_its_bucket_and_its_table() -> None:
    there = {"AWS_LAMBDA_FUNCTION_NAME": "wallify-dev", "WALLIFY_BUCKET": "media", "WALLIFY_TABLE": "table"}

    assert load(there).bucket == "media"
    assert "WALLIFY_TABLE is missing" in refused(**{**there, "WALLIFY_TABLE": ""})
    assert "WALLIFY_BUCKET is missing" in refused(**{**there, "WALLIFY_BUCKET": ""})


def test_settings_come_from_the_environment_if_no_other_source_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALLIFY_STAGE", "prod")
    assert load().stage == "prod"


def test_a_standing_clock_is_for_the_local_cloud_alone() -> None:
    clock = "2026-03-04T12:00:00+00:00"
    assert load({}).standing_clock is None
    there = load({"WALLIFY_CLOCK_STANDS_AT": clock, "WALLIFY_STAGE": "local"})
    assert there.standing_clock == datetime(2026, 3, 4, 12, tzinfo=UTC)
    for stage in ("dev", "prod"):
        assert "WALLIFY_CLOCK_STANDS_AT" in refused(WALLIFY_CLOCK_STANDS_AT=clock, WALLIFY_STAGE=stage)


def test_the_lease_is_in_seconds() -> None:
    assert load({"WALLIFY_LEASE_SECONDS": "90"}).lease == timedelta(seconds=90)


def test_an_api_body_leaves_room_for_base64_within_lambdas_payload() -> None:
    _, most = bounds("max_body_bytes")
    assert most * 4 / 3 <= 6_291_456 - 100_000


def test_a_waiting_request_is_answered_before_the_gateway_gives_up() -> None:
    _, most = bounds("sync_wait_seconds")
    assert most < 29


@pytest.mark.parametrize("queue", ["ImagesQueue", "ThumbnailsQueue", "MaintenanceQueue", "OptimizerQueue"])
def test_no_task_may_be_tried_more_often_than_its_queue_hands_a_message_out(queue: str) -> None:
    assert bounds("max_attempts")[1] == properties(queue)["RedrivePolicy"]["maxReceiveCount"]


def test_quarantine_is_kept_no_longer_than_the_bucket_keeps_it() -> None:
    [rule] = [
        one for one in properties("Bucket")["LifecycleConfiguration"]["Rules"] if one.get("Prefix") == "quarantine/"
    ]
    assert bounds("quarantine_days")[1] == int(rule["ExpirationInDays"])


@pytest.mark.slow  # an interpreter for each
@pytest.mark.parametrize(
    ("name", "value"), [("WALLIFY_CLEANUP_PERCENT", "500"), ("WALLIFY_ORFAN_HOURS", "5"), ("WALLIFY_TABLE", "se cret")]
)
def test_a_function_stops_at_its_start_with_one_line_that_names_the_variable(name: str, value: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import app"], cwd=ROOT, env={name: value}, capture_output=True, text=True, check=False
    )

    [line] = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.returncode == 1
    assert (line["level"], line["message"], line["code"], line["settings"]) == (
        "ERROR",
        "start refused",
        "bad_setting",
        [name],
    )
    assert name in line["reason"]
    assert re.search(rf"BadSetting: .*{name}", ended.stderr)
    assert "se cret" not in ended.stdout + ended.stderr
