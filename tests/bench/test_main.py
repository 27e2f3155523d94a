import pytest

import bench.__main__ as bench_main
from bench.__main__ import main
from bench.report import Column, Table


def test_a_suite_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(SystemExit, match=r"no suite speed; there are thumbnails, .*cuts"):
        main(["--quick", "speed"])


def test_a_stack_on_another_machine_is_not_loaded() -> None:
    with pytest.raises(SystemExit, match=r"example\.com is not on this machine"):
        main(["--url", "http://example.com"])


def test_starts_need_neither_peers_nor_photos(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table("Starts", (Column("start"), Column("ms")), (("import app", 7.0),))
    monkeypatch.setitem(bench_main.ALONE, "start", lambda rounds, _: [table] * rounds)
    monkeypatch.setattr(bench_main, "_setting", None)

    assert main(["start", "--rounds", "2", "--width", "80"]) == 0

    assert capsys.readouterr().out.count("import app") == 2
