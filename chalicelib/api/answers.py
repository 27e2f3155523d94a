"""What a view answers: status, headers, body, and the few forms that ours take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

import msgspec

from chalicelib.api.asking import Ask
from chalicelib.timestamps import with_iso

JSON = "application/json"
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    done: str = ""
    """What came of the request, for its line in the audit log, where the request itself does not say it."""

    def noting(self, done: str) -> Answer:
        """The same with what the audit log says came of it."""
        return replace(self, done=done)

    def having(self, **headers: str) -> Answer:
        """The same with more headers; an underscore in a name stands for a hyphen."""
        return replace(
            self, headers={**self.headers, **{name.replace("_", "-"): text for name, text in headers.items()}}
        )


def data(body: object, status: int = 200) -> Answer:
    """JSON that nobody may store on the way; moments are written in the one form that we have."""
    plain = msgspec.to_builtins(body, builtin_types=(datetime,), str_keys=True, enc_hook=str)
    text = msgspec.json.encode(with_iso(plain)).decode()
    return Answer(status, text, {"Content-Type": JSON, **NO_STORE})


def public(body: str, content_type: str, seconds: int) -> Answer:
    """Text that is the same for everybody, for so long."""
    return Answer(200, body, {"Content-Type": content_type, "Cache-Control": f"public, max-age={seconds}"})


def moved(url: str, seconds: int) -> Answer:
    """Look there (302), in the format that your Accept header asks for; caches may remember it for so long."""
    return Answer(302, "", {"Location": url, "Vary": "Accept", "Cache-Control": f"public, max-age={seconds}"})


def if_changed(ask: Ask, answer: Answer) -> Answer:
    """The answer with an ETag; 304 where the client has exactly this body already (RFC 9110, section 13.1.2)."""
    tag = f'"{sha256(answer.body.encode()).hexdigest()[:32]}"'
    tagged = answer.having(ETag=tag)
    known = {one.strip().removeprefix("W/") for one in ask.headers.get("if-none-match", "").split(",")}
    return replace(tagged, status=304, body="") if known & {tag, "*"} else tagged
