"""Types of the settings that are text: each with its pattern, and in words what it must be."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

TEXT = "text"
"""Key of a type's `extra`: what the value must be, in words; the value itself is then never shown."""

# A pattern's $ would let a line break pass.
_NAME = r"^[A-Za-z0-9_.-]{3,255}\Z"
Bucket = Annotated[str, Meta(pattern=rf"^\Z|{_NAME}", extra={TEXT: "the name of a bucket, or empty"})]
Table = Annotated[str, Meta(pattern=rf"^\Z|{_NAME}", extra={TEXT: "the name of a table, or empty"})]
QueueName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]{1,80}\Z", extra={TEXT: "a queue's name: up to 80 letters, digits, - and _"})
]
SecretId = Annotated[
    str,
    # A token begins with wlf_: that would be the secret itself.
    Meta(pattern=r"^\Z|^(?!wlf_)[A-Za-z0-9:/_+=.@-]{1,512}\Z", extra={TEXT: "the name or ARN of a secret, or empty"}),
]
DistributionId = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]{0,64}\Z", extra={TEXT: "the id of a distribution, or empty"})
]
_HOST = r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?"
BaseUrl = Annotated[
    str,
    Meta(
        pattern=rf"^\Z|^{_HOST}(/[A-Za-z0-9._~%+-]+)*\Z",
        extra={TEXT: "an address such as https://cdn.example/media, without a slash at its end"},
    ),
]
Origin = Annotated[
    str,
    Meta(
        pattern=rf"^\Z|^\*\Z|^{_HOST}\Z",
        extra={TEXT: "*, empty, or one origin such as https://app.example, without a path"},
    ),
]
DatabaseUrl = Annotated[
    str,
    Meta(
        pattern=r"^\Z|^(postgresql|sqlite)(\+[a-z0-9]+)?://\S*\Z",
        extra={TEXT: "an address such as postgresql://user@host/name, or empty"},
    ),
]
Stage = Annotated[
    str,
    Meta(pattern=r"^[a-z][a-z0-9-]{0,15}\Z", extra={TEXT: "a small letter and up to 15 more of a-z, 0-9 and -"}),
]
State = Annotated[str, Meta(pattern=r"^(dynamodb|sql)\Z", extra={TEXT: "dynamodb or sql"})]
Heic = Annotated[str, Meta(pattern=r"^(take|refuse)\Z", extra={TEXT: "take or refuse"})]
CopyrightNotice = Annotated[str, Meta(pattern=r"^(drop|keep)\Z", extra={TEXT: "drop or keep"})]
Damaged = Annotated[str, Meta(pattern=r"^(error|warn)\Z", extra={TEXT: "error or warn"})]
Moment = Annotated[
    str,
    Meta(
        pattern=r"^\Z|^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)\Z",
        extra={TEXT: "a moment with its time zone, such as 2026-03-04T12:00:00+00:00, or empty"},
    ),
]
Sizes = Annotated[
    str,
    Meta(
        pattern=r"^[1-9][0-9]{1,3}(,[1-9][0-9]{1,3}){0,7}\Z",
        extra={TEXT: "one to eight sizes of 16 to 4096 pixels by comma, such as 600,300,150"},
    ),
]
Thumbnails = Annotated[
    str,
    Meta(
        pattern=r"^(jpeg|avif|webp)(,(jpeg|avif|webp)){0,2}\Z",
        extra={TEXT: "jpeg and, by comma, avif or webp"},
    ),
]
Variants = Annotated[
    str, Meta(pattern=r"^\Z|^(avif|webp)(,(avif|webp))?\Z", extra={TEXT: "avif, webp, both by comma, or empty"})
]
LEAST_SIZE, MOST_SIZE = 16, 4_096
