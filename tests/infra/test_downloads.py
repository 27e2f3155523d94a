"""A picture that is saved: the CDN's function, and the local cloud that does the same, on one table."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from email.message import Message
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib import storage
from chalicelib.names import saved_stem
from cli.local.gateway_errors import download_of
from infra.template import properties

KEY = "renditions/11111111-1111-4111-8111-111111111111/r1/full.jpg"
PLACE = f"/{storage.download(KEY)}"
NAMES = {
    "name=lake": "lake.jpg",
    "name=100%25%20(2)%27s%21": "100% (2)'s!.jpg",
    f"name={quote(saved_stem('Gölge ışık 🌅.png'), safe='')}": "Gölge ışık 🌅.jpg",  # noqa: RUF001  # Turkish
    "name=invoice.exe": "invoice.exe.jpg",
    "name=a%22%0d%0aSet-Cookie%3A%20b%2F..%5C": "a___Set-Cookie_ b_.._.jpg",
    "name=%ff": "picture.jpg",
    "name=": "picture.jpg",
    "": "picture.jpg",
}
RUN = """
const answers = JSON.parse(require("fs").readFileSync(0)).map(([uri, name]) => {
  const request = { uri, querystring: name === null ? {} : { name: { value: name } } };
  const path = handler({ request }).uri;
  return [path, handler({ request, response: { headers: {} } }).headers["content-disposition"].value];
});
process.stdout.write(JSON.stringify(answers));
"""


@cache
def _edge() -> Mapping[str, tuple[str, str]]:
    config: dict[str, Any] = properties("Downloads")
    assert config["FunctionConfig"]["Runtime"] == "cloudfront-js-2.0"
    asked = [[PLACE, query.removeprefix("name=") if query else None] for query in NAMES]
    command = ["node", "-e", f"{config['FunctionCode']}\n{RUN}"]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=60)
    return {query: (path, header) for query, (path, header) in zip(NAMES, json.loads(done.stdout), strict=True)}


def at_the_edge(query: str) -> tuple[str, str]:
    """Return the object's path, and the header, as the function gives them."""
    if shutil.which("node") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("node is not installed here")
    return _edge()[query]


def on_this_machine(query: str) -> tuple[str, str]:
    """Return what the local cloud gives."""
    found = download_of(f"/media{PLACE}?{query}")
    assert found is not None
    return found[0].removeprefix("/media"), found[1]


@pytest.mark.parametrize("cdn", [at_the_edge, on_this_machine])
@pytest.mark.parametrize(("query", "saved"), NAMES.items())
def test_a_download_is_the_object_under_its_name_with_the_extension_of_its_bytes(
    cdn: Any,  # noqa: ANN401  # one of the two
    query: str,
    saved: str,
) -> None:
    path, header = cdn(query)

    assert path == f"/{KEY}"
    assert header.isascii()
    assert header.isprintable()
    plain, _, extended = header.partition("; filename*=")
    assert plain.startswith('attachment; filename="')
    assert plain.count('"') == 2
    message = Message()
    message["Content-Disposition"] = f"attachment; filename*={extended}"
    assert message.get_filename() == saved


@pytest.mark.parametrize("query", NAMES)
def test_both_say_the_same(query: str) -> None:
    assert at_the_edge(query) == on_this_machine(query)


@pytest.mark.parametrize("target", [f"/media/{KEY}", "/media/manifests/a.json?name=x", "/media/download/x.jpg", PLACE])
def test_other_addresses_are_no_downloads(target: str) -> None:
    assert download_of(target) is None
