"""Policies are evaluated as in IAM: wildcards match line breaks, and a batch needs the permission of its single action.

Upstream lacks both (MiniStack 1.5.33):

  - `ministack.core.iam_evaluator._fnmatch_compile` turns `*` and `?` into a regular expression whose dot stops at a
  line break, so that a role that may read `incoming/*` is refused the key `incoming/a<line break>b.jpg`.
  https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html#reference_policies_elements_resource_wildcards
  - `ministack.core.iam_actions.extract_iam_action` asks for `sqs:ChangeMessageVisibilityBatch`, an action that IAM does
  not have: on AWS the batch verbs of SQS are allowed by `sqs:SendMessage`, `sqs:DeleteMessage` and
  `sqs:ChangeMessageVisibility`. https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html

And it parses the documents of a role's policies anew for each request
(`ministack.core.iam_evaluator.parse_policy_document`); here a text is parsed once.

Remove when: `apply` changes nothing any more but the last; it tries the emulator's own functions first.
"""

from __future__ import annotations

import re
from functools import lru_cache, wraps
from typing import Any

from ministack.core import iam_actions, iam_evaluator


def apply() -> None:
    """Replace each of the first two functions, unless it is right already, and let the third remember texts."""
    if not iam_evaluator.fnmatch_iam_cs("a\nb\n", "a*"):
        iam_evaluator._fnmatch_compile = compiled  # noqa: SLF001 - the only way in
    asked = iam_actions.extract_iam_action("sqs", "POST", "/", {"x-amz-target": f"AmazonSQS.{_BATCH}"}, b"", {})
    if asked == f"sqs:{_BATCH}":
        iam_actions.extract_iam_action = _of_singles(iam_actions.extract_iam_action)
    iam_evaluator.parse_policy_document = _parsed_once(iam_evaluator.parse_policy_document)


def _parsed_once(parse: Any) -> Any:  # noqa: ANN401 - as below
    """The same, which returns the same statements for the same text; nothing changes them."""
    known = lru_cache(maxsize=512)(parse)

    @wraps(parse)
    def parsed(document: object) -> Any:  # noqa: ANN401
        return known(document) if isinstance(document, str) else parse(document)

    return parsed


_BATCH = "ChangeMessageVisibilityBatch"


def _of_singles(theirs: Any) -> Any:  # noqa: ANN401 - a function of theirs, whatever its parameters
    """Return the function, changed so that a batch request of SQS has the action of the single request."""

    @wraps(theirs)
    def action_of(*request: Any, **named: Any) -> str | None:  # noqa: ANN401
        action: str | None = theirs(*request, **named)
        return action.removesuffix("Batch") if action and action.startswith("sqs:") else action

    return action_of


@lru_cache(maxsize=4096)
def compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:  # noqa: FBT001 - their signature
    """Return the pattern as a regular expression that matches the whole text."""
    signs = {"*": ".*", "?": "."}
    whole = "".join(signs.get(char) or re.escape(char) for char in pattern)
    return re.compile(rf"(?:{whole})\Z", re.DOTALL | (re.IGNORECASE if ignore_case else 0))
