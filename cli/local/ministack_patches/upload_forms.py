"""Upload forms (POST Object) as S3 reads them: fields after `file` are ignored, such as the submit button of a page.

Upstream lacks: this rule. MiniStack 1.5.33 counts those fields (`ministack.services.s3._parse_multipart_form`) as input
that no policy names, and refuses the form.
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html

Remove when: tests/cli/test_upload_forms.py passes without it.
"""

from __future__ import annotations

from typing import Any

from ministack.services import s3


def apply() -> None:
    """Ignore the fields after `file`."""
    read = s3._parse_multipart_form  # noqa: SLF001 - the only way in

    def up_to_the_file(content_type: str, body: bytes) -> list[Any]:
        parts: list[Any] = read(content_type, body)
        end = next((number for number, (name, *_) in enumerate(parts, 1) if name == "file"), len(parts))
        return parts[:end]

    s3._parse_multipart_form = up_to_the_file  # noqa: SLF001
