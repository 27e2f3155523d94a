"""What S3 does with a browser's upload form: signature, time, every condition, and nothing that no condition names.

Written from https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html, since moto looks at
none of it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

_UNSIGNED = {"policy", "x-amz-signature", "file"}


def refusal(fields: Mapping[str, str], body: bytes, *, now: datetime, secret: str) -> str:
    """Why S3 would not take this form; empty where it would."""
    policy = fields.get("policy", "")
    if not hmac.compare_digest(_signature(policy, fields, secret), fields.get("x-amz-signature", "")):
        return "signature"
    policy_fields = json.loads(base64.b64decode(policy))
    if now >= datetime.fromisoformat(policy_fields["expiration"]):
        return "expired"
    conditions = policy_fields["conditions"]
    if any(not _holds(one, fields, len(body)) for one in conditions):
        return "condition"
    named = {name for one in conditions for name in _names(one)}
    return "" if {name.lower() for name in fields} <= named | _UNSIGNED else "extra field"


def _signature(policy: str, fields: Mapping[str, str], secret: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in fields.get("x-amz-credential", "").split("/")[1:]:
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return hmac.new(key, policy.encode(), hashlib.sha256).hexdigest()


def _holds(condition: Any, fields: Mapping[str, str], size: int) -> bool:  # noqa: ANN401  # as JSON has it
    if isinstance(condition, dict):
        return all(name == "bucket" or fields.get(name) == value for name, value in condition.items())
    kind, first, second = condition
    if kind == "content-length-range":
        return bool(first <= size <= second)
    given = fields.get(first.removeprefix("$"), "")
    return given == second if kind == "eq" else given.startswith(second)


def _names(condition: Any) -> set[str]:  # noqa: ANN401
    if isinstance(condition, dict):
        return {name.lower() for name in condition}
    return {str(condition[1]).removeprefix("$").lower()}
