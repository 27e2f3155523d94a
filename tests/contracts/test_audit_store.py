from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.admin.scopes import AuditEntry
from chalicelib.errors import BadRequest
from chalicelib.ports import AuditStore
from tests.builders import NOON
from tests.contracts.backends import State
from tests.naughty import HARMLESS


@pytest.fixture
def audit(state: State) -> AuditStore:
    return state.audit


def an_entry(number: int = 0, **special: str) -> AuditEntry:
    made = AuditEntry(
        f"e{number:02}", NOON + timedelta(seconds=number // 3), "bootstrap", "0" * 64, "cancel_task", "t1"
    )
    return replace(made, **special)  # type: ignore[arg-type]  # fields of Entry


def test_an_entry_comes_back_as_it_was_written(audit: AuditStore) -> None:
    entry = replace(an_entry(actor="günlük", target=""), at=NOON + timedelta(microseconds=7))
    audit.add(entry)
    assert audit.page(5).items == (entry,)


def test_what_is_named_may_hold_anything(audit: AuditStore) -> None:
    entries = [an_entry(number, target=name, actor=name) for number, name in enumerate(HARMLESS)]
    for entry in entries:
        audit.add(entry)
    assert set(audit.page(len(entries)).items) == set(entries)


def test_the_same_entry_again_changes_nothing(audit: AuditStore) -> None:
    for _ in range(2):
        audit.add(an_entry())
    assert audit.page(5).items == (an_entry(),)


def test_pages_walk_all_entries_newest_first(audit: AuditStore) -> None:
    entries = [an_entry(number) for number in range(23)]
    for entry in entries:
        audit.add(entry)

    found: list[AuditEntry] = []
    cursor = None
    for _ in range(5):
        page = audit.page(5, cursor)
        found += page.items
        cursor = page.next_cursor

    assert found == entries[::-1]
    assert cursor is None


def test_an_empty_log_has_no_entries_and_no_next_page(audit: AuditStore) -> None:
    page = audit.page(5)
    assert (page.items, page.next_cursor) == ((), None)


def test_a_full_page_at_the_very_end_has_no_next(audit: AuditStore) -> None:
    for number in range(5):
        audit.add(an_entry(number))
    assert audit.page(5).next_cursor is None


def test_a_cursor_of_somebody_else_is_refused(audit: AuditStore) -> None:
    with pytest.raises(BadRequest):
        audit.page(5, "bm90IG91cnM")
