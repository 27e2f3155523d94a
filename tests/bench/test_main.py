import pytest

from bench.__main__ import main


def test_a_suite_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(SystemExit, match=r"no suite speed; there are thumbnails, .*cuts"):
        main(["--quick", "speed"])


def test_a_stack_on_another_machine_is_not_loaded() -> None:
    with pytest.raises(SystemExit, match=r"example\.com is not on this machine"):
        main(["--url", "http://example.com"])
