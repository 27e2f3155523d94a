"""Files of others that the monitor serves are those that were released, and their licences lie beside them."""

from __future__ import annotations

from hashlib import sha256

import pytest

from chalicelib.monitor import routes

RELEASED = {
    "thumbhash.js": "228a125e608e4955940cbe764e046386c9953226d2af66a5380266e18b78ffca",
    "thumbhash.d.ts": "5791c18e28a34de2eb955d8a4936d7e77fe8cb876618ee388eced7f405a001b8",
    "rapidoc/rapidoc-min.js": "affbd173a65e870e18f392cca963113bcdafb6e50e88cd2f6a834a65b22db94d",
}
"""File -> SHA-256 of it in the package's release; its licence names package and version."""


@pytest.mark.parametrize("name", RELEASED)
def test_a_file_of_others_is_as_it_was_released(name: str) -> None:
    assert sha256((routes.FOLDER / name).read_bytes()).hexdigest() == RELEASED[name]


@pytest.mark.parametrize("name", RELEASED)
def test_a_file_of_others_has_its_licence_beside_it(name: str) -> None:
    licence = (routes.FOLDER / f"{name.partition('.')[0]}.LICENSE").read_text("utf-8")
    assert f"{name.rpartition('/')[2]} " in licence
    assert "Copyright" in licence


def test_the_monitor_serves_the_script_and_not_the_types() -> None:
    assert "thumbhash.js" in routes.files()
    assert not {"thumbhash.d.ts", "thumbhash.LICENSE"} & routes.files().keys()
