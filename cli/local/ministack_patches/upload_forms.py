"""Upload forms (POST Object) are read as by S3: fields after `file` are ignored, such as a page's submit button.

Upstream lacks: this rule. MiniStack 1.5.33 counts those fields (`ministack.services.s3._parse_multipart_form`) as
fields that are missing in the policy, and refuses the form.
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
