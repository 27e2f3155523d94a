from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pytest

from chalicelib.adapters.aws import forget_clients
from chalicelib.container import Container, container, use
from chalicelib.errors import Misconfigured
from chalicelib.keyring import LASTS, UPGRADE, Purpose
from chalicelib.settings import BadSetting, Settings

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ROOT = Path(__file__).parents[1]
PARTS = [name for kind in Container.__mro__ for name, part in vars(kind).items() if isinstance(part, cached_property)]


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    forget_clients()
    use(None)
    yield
    forget_clients()
    use(None)


@pytest.mark.parametrize("part", PARTS)
def test_everything_can_be_built_alone_and_is_built_once(part: str) -> None:
    built = Container(Settings(bucket="media", table="table"))
    assert getattr(built, part) is getattr(built, part)


def test_a_process_has_one_set_of_services() -> None:
    assert container() is container()


def test_the_environment_is_read_when_the_services_are_first_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALLIFY_STAGE", "first")
    assert container().settings.stage == "first"
    monkeypatch.setenv("WALLIFY_STAGE", "second")
    assert container().settings.stage == "first"
    use(None)
    assert container().settings.stage == "second"


def test_tests_may_put_others_in_their_place() -> None:
    other = Container(Settings(stage="other"))
    use(other)
    assert container() is other


@dataclass
class Vault:
    """Secrets Manager with one secret."""

    text: str
    asked: int = 0

    def get_secret_value(self, SecretId: str) -> dict[str, object]:  # noqa: N803  # boto3's name
        assert SecretId == "keys"
        self.asked += 1
        return {"SecretString": self.text, "CreatedDate": datetime(2026, 3, 4, tzinfo=UTC)}


def with_keys(text: str) -> tuple[Container, Vault]:
    built, vault = Container(Settings(keys_secret="keys")), Vault(text)
    object.__setattr__(built, "aws", lambda _: vault)
    return built, vault


def test_keys_are_read_from_their_secret_once_for_all_purposes() -> None:
    built, vault = with_keys('{"root": "abc"}')
    rings = [built.keyring(purpose) for purpose in Purpose]
    assert [ring.keys[0].key_id for ring in rings if ring] == ["1", "1", "1"]
    assert [ring.legacy_until for ring in rings if ring] == [
        datetime(2026, 3, 4, tzinfo=UTC) + UPGRADE + LASTS[purpose] for purpose in Purpose
    ]
    assert vault.asked == 1


def test_a_secret_without_keys_is_a_fault_of_the_configuration_and_is_not_told() -> None:
    built, _ = with_keys('{"hunter2": 1}')
    with pytest.raises(Misconfigured) as wrong:
        built.keyring(Purpose.LINKS)
    assert "hunter2" not in str(vars(wrong.value))
    assert wrong.value.cause["resource"] == "keys"


def test_without_a_secret_for_keys_there_is_no_ring() -> None:
    assert Container(Settings()).keyring(Purpose.LINKS) is None


def test_the_clock_goes_unless_the_settings_let_it_stand() -> None:
    standing = Container(Settings(stage="local", clock_stands_at="2026-03-04T12:00:00+00:00")).clock
    going = Container(Settings(stage="local")).clock
    assert standing.now() == standing.now() == datetime(2026, 3, 4, 12, tzinfo=UTC)
    assert going.now() != standing.now()


def test_a_clock_never_stands_in_production() -> None:
    with pytest.raises(BadSetting, match="WALLIFY_CLOCK_STANDS_AT"):
        assert Container(Settings(stage="prod", clock_stands_at="2026-03-04T12:00:00+00:00")).clock


def test_the_settings_say_how_careful_clean_up_is() -> None:
    given = Settings(orphan_hours=2, quarantine_days=3, trash_days=4, cleanup_percent=50, cleanup_least=5)
    built = Container(given)
    assert (built.ages.orphan, built.ages.quarantine, built.ages.trash) == (2 * HOUR, 3 * DAY, 4 * DAY)
    assert built.cleanup_job.ages == built.cleanup_job.orphan_scan.ages == built.quarantine.ages
    assert built.trash.retention == 4 * DAY
    assert (built.cleanup_job.bounds.max_share, built.cleanup_job.bounds.always_allowed) == (0.5, 5)


def test_the_settings_reach_the_services() -> None:
    built = Container(
        Settings(
            lease_seconds=7, max_attempts=2, keep_days=1, keep_failed_days=2, max_body_bytes=3, cdn_url="https://c"
        )
    )
    assert (built.policy.lease.seconds, built.policy.max_attempts) == (7, 2)
    assert (built.policy.keep.days, built.policy.keep_failed.days) == (1, 2)
    assert built.uploads.max_bytes == 3
    assert built.manifests.base == "https://c"
    assert built.recipe.sizes == (600, 300, 150)


@pytest.mark.slow  # an interpreter for each
@pytest.mark.parametrize("asked", ["tasks", "uploads", "tokens"])
def test_a_service_that_needs_no_pictures_loads_no_picture_library(asked: str) -> None:
    program = (
        "import sys; from chalicelib.settings import Settings; from chalicelib.container import Container;"
        f"Container(Settings(table='t', bucket='b')).{asked};"
        "print([name for name in sys.modules if name.startswith(('PIL', 'sqlalchemy', 'chalicelib.engine.decode'))])"
    )
    completed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert completed.stdout.strip() == "[]"


@pytest.mark.parametrize(("word", "taken"), [("error", False), ("warn", True)])
def test_the_setting_decides_whether_damaged_pictures_are_taken(word: str, taken: bool) -> None:  # noqa: FBT001  a parameter
    assert Container(Settings(damaged_images=word)).limits.takes_damaged is taken
