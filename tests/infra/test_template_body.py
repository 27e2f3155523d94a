"""What is sent to CloudFormation: the template without its comments, which is small enough."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from infra import template
from infra.template import DATABASE, FOUNDATION, GATEWAY, OBSERVING

MOST = 51_200
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""


@pytest.mark.parametrize("path", [DATABASE, FOUNDATION, GATEWAY, OBSERVING], ids=lambda path: path.stem)
def test_the_body_means_what_the_file_says_and_fits(path: Path) -> None:
    body = template.body(path)

    assert yaml.load(body, Loader=template._Loader) == template.read(path)  # noqa: S506, SLF001 - a safe loader
    assert len(body.encode()) <= MOST


def test_texts_keep_what_looks_like_a_comment(tmp_path: Path) -> None:
    file = tmp_path / "template.yaml"
    file.write_text("# one\na: 'x # y' # two\n\n  # three\nb: \"c#d\" # it's\nc: d#e # four\n", "utf-8")

    assert yaml.safe_load(template.body(file)) == {"a": "x # y", "b": "c#d", "c": "d#e"}
    assert "four" not in template.body(file)
