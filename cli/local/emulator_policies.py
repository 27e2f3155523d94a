"""Wildcards in policies match line breaks, as those of IAM do.

MiniStack turns `*` and `?` into a regular expression whose dot stops at a line break, so that a role which may read
`incoming/*` is refused the key `incoming/a<line break>b.jpg`: AccessDenied, again and again.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html#reference_policies_elements_resource_wildcards
"""

from __future__ import annotations

import re
from functools import lru_cache

from ministack.core import iam_evaluator


def keep() -> None:
    """Match so from now on, unless the emulator does so by itself."""
    if not iam_evaluator.fnmatch_iam_cs("a\nb\n", "a*"):
        iam_evaluator._fnmatch_compile = compiled  # noqa: SLF001 - the only way in


@lru_cache(maxsize=4096)
def compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:  # noqa: FBT001 - their signature
    """The pattern as a regular expression for the whole text, to be used with `match`."""
    signs = {"*": ".*", "?": "."}
    whole = "".join(signs.get(char) or re.escape(char) for char in pattern)
    return re.compile(rf"(?:{whole})\Z", re.DOTALL | (re.IGNORECASE if ignore_case else 0))
