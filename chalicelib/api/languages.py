"""Which language a client reads: English, or Turkish where it is preferred (RFC 9110, section 12.5.4)."""

from __future__ import annotations

import re
from enum import StrEnum


class Language(StrEnum):
    """A language that we speak."""

    ENGLISH = "en"
    TURKISH = "tr"


_RANGE = re.compile(
    r"\s*(?P<tag>[A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]{1,40})?\s*(?:;\s*q\s*=\s*(?P<q>[01](?:\.\d{0,3})?)\s*)?"
)
_MOST_RANGES = 20


def language_of(accept_language: str) -> Language:
    """The language that the header likes best; English where it names none of ours."""
    liked = {Language.ENGLISH: 0.0, Language.TURKISH: 0.0}
    for part in accept_language.split(",")[:_MOST_RANGES]:
        found = _RANGE.fullmatch(part)
        if found and found["tag"].lower() in liked:
            language = Language(found["tag"].lower())
            liked[language] = max(liked[language], float(found["q"] or 1))
    return Language.TURKISH if liked[Language.TURKISH] > liked[Language.ENGLISH] else Language.ENGLISH
