from __future__ import annotations

import pytest

from chalicelib.json_formats import Change, UnknownMessage, Work, read, read_change, write, write_change


@pytest.mark.parametrize("name", ["nature", "Şehir ve göl", "a.b-c_d"])
def test_what_is_written_is_read(name: str) -> None:
    assert read_change(write_change(name)) == Change(name)


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"changed"', '{"changed": 1}', '{"Records": []}', "[" * 9999])
def test_what_is_no_change_is_left_to_others(body: str) -> None:
    assert read_change(body) is None


def test_a_change_is_never_taken_for_work_nor_work_for_a_change() -> None:
    assert read_change(write(Work("t1", 3))) is None
    with pytest.raises(UnknownMessage):
        read(write_change("nature"))
