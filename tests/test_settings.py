from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.settings import BadSetting, Settings, load


def test_without_an_environment_the_settings_are_the_defaults() -> None:
    assert load({}) == Settings()


def test_each_setting_is_the_variable_of_its_name() -> None:
    for field, kind in Settings.__annotations__.items():
        value = "77" if kind == "int" else "sql"
        loaded = load({f"WALLIFY_{field.upper()}": value})
        assert str(getattr(loaded, field)) == value
        assert load({field.upper(): value, f"wallify_{field}": value}) == Settings()


def test_other_variables_change_nothing() -> None:
    assert load({"WALLIFY_NO_SUCH": "1", "PATH": "/bin"}) == Settings()


@pytest.mark.parametrize("text", ["", "ten", "1.5", "0x10", "NaN", "1e3"])
def test_a_number_that_is_none_is_told_by_the_variables_name(text: str) -> None:
    with pytest.raises(BadSetting, match="WALLIFY_MAX_ATTEMPTS"):
        load({"WALLIFY_MAX_ATTEMPTS": text})


@pytest.mark.parametrize("text", ["", "postgres", "DynamoDB"])
def test_a_back_end_that_there_is_not_is_told_by_the_variables_name(text: str) -> None:
    with pytest.raises(BadSetting, match="WALLIFY_STATE"):
        load({"WALLIFY_STATE": text})


def test_settings_come_from_the_environment_if_no_other_source_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALLIFY_STAGE", "prod")
    assert load().stage == "prod"


def test_a_standing_clock_is_for_the_local_cloud_alone() -> None:
    given = {"WALLIFY_CLOCK_STANDS_AT": "2026-03-04T12:00:00+00:00"}
    assert load({}).standing_clock is None
    assert load({**given, "WALLIFY_STAGE": "local"}).standing_clock == datetime(2026, 3, 4, 12, tzinfo=UTC)
    for stage in ("dev", "prod"):
        with pytest.raises(BadSetting, match="WALLIFY_CLOCK_STANDS_AT"):
            assert load({**given, "WALLIFY_STAGE": stage}).standing_clock


def test_the_lease_is_in_seconds() -> None:
    assert load({"WALLIFY_LEASE_SECONDS": "90"}).lease == timedelta(seconds=90)


def test_an_api_body_leaves_room_for_base64_within_lambdas_payload() -> None:
    assert Settings().max_body_bytes * 4 / 3 <= 6_291_456


def test_a_waiting_request_is_answered_before_the_gateway_gives_up() -> None:
    assert Settings().sync_wait_seconds < 29
