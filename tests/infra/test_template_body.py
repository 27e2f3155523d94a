"""What is sent to CloudFormation: the template as JSON, which is small enough."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra import template
from infra.template import DATABASE, FOUNDATION, GATEWAY, OBSERVING

EDGE = FOUNDATION.with_name("edge.js")
MOST = 51_200
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""


@pytest.mark.parametrize("path", [DATABASE, FOUNDATION, GATEWAY, OBSERVING], ids=lambda path: path.stem)
def test_the_body_means_what_the_file_says_and_fits(path: Path) -> None:
    body = template.body(path)

    assert json.loads(body) == template.read(path)
    assert len(body.encode()) <= MOST


def test_the_function_at_the_edge_is_sent_as_it_is_written_without_comments() -> None:
    sent = json.loads(template.body(FOUNDATION))["Resources"]["Normalizer"]["Properties"]["FunctionCode"]

    assert sent == template.script(EDGE)
    assert [line for line in sent.splitlines() if not line or line.lstrip().startswith("//")] == []
    assert set(sent.splitlines()) <= set(EDGE.read_text(encoding="utf-8").splitlines())
