"""Upload forms (POST Object) as S3 reads them: fields after `file` are ignored, such as the submit button of a page.

MiniStack counts those fields as input that no policy names, and refuses the form.
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from __future__ import annotations

from typing import Any

from ministack.services import s3


def apply() -> None:
    """Read forms so from now on."""
    read = s3._parse_multipart_form  # noqa: SLF001 - the only way in

    def up_to_the_file(content_type: str, body: bytes) -> list[Any]:
        parts: list[Any] = read(content_type, body)
        end = next((number for number, (name, *_) in enumerate(parts, 1) if name == "file"), len(parts))
        return parts[:end]

    s3._parse_multipart_form = up_to_the_file  # noqa: SLF001
