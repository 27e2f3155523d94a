"""What the inner loop and CI leave out, by `tests/conftest.py`."""

from __future__ import annotations

import pytest

from cli.local.stack import PROJECT
from tests.conftest import MAY_SKIP, SLOW_PLACES, failed_if_skipped
from tests.corpus import CORPUS, expectations


def report(outcome: str, reason: str = "") -> pytest.TestReport:
    """A report of a test that ended so."""
    skipped = ("tests/test_a.py", 1, f"Skipped: {reason}") if outcome == "skipped" else None
    return pytest.TestReport("tests/test_a.py::test_a", ("", 1, ""), {}, outcome, skipped, "call")  # type: ignore[arg-type]  # one of three words


def test_what_the_inner_loop_leaves_out_is_there() -> None:
    assert [place for place in SLOW_PLACES if not (PROJECT / place).exists()] == []


def test_in_ci_a_skipped_test_fails_and_says_why_it_was_skipped() -> None:
    judged = failed_if_skipped(report("skipped", "jpegtran is not on this machine"))

    assert (judged.outcome, judged.longrepr) == (
        "failed",
        "CI skips no test: Skipped: jpegtran is not on this machine",
    )


@pytest.mark.parametrize("reason", MAY_SKIP)
def test_in_ci_a_test_may_lack_what_is_not_part_of_the_project(reason: str) -> None:
    assert failed_if_skipped(report("skipped", reason)).outcome == "skipped"


def test_other_ends_of_a_test_stay() -> None:
    expected = report("skipped")
    expected.wasxfail = "known"

    assert [failed_if_skipped(one).outcome for one in (report("passed"), report("failed"), expected)] == [
        "passed",
        "failed",
        "skipped",
    ]


def test_a_corpus_beside_the_checkout_is_used() -> None:
    assert bool(expectations()) == (CORPUS / "MANIFEST.tsv").is_file()
