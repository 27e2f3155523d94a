"""Messages by id, in English and Turkish; `messages.json` holds both side by side.

An id names its area and what is wrong, such as `form.too_many_parts`; the id of a code's own message is the code. Facts
stand in a message as `{name}`. `a+b` is one message after the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import cast

ENGLISH, TURKISH = "en", "tr"
_PLACE = re.compile(r"\{(\w+)\}")


@cache
def messages() -> Mapping[str, Mapping[str, str]]:
    """Every message by id and language; read when the first one is needed."""
    text = Path(__file__).with_name("messages.json").read_text(encoding="utf-8")
    return cast("dict[str, dict[str, str]]", json.loads(text))


def template(message_id: str, language: str = ENGLISH) -> str | None:
    """The message before its facts are put in; None for an id that there is not."""
    found = [messages().get(one) for one in message_id.split("+")]
    texts = [one[language] for one in found if one is not None]
    return " ".join(texts) if len(texts) == len(found) else None


def filled(text: str, facts: Mapping[str, object]) -> str:
    """The text with each `{name}` replaced by the fact of that name; a name without a fact stays as it is."""
    return _PLACE.sub(lambda place: _shown(facts[place[1]]) if place[1] in facts else place[0], text)


def translated(english: str, language: str) -> str | None:
    """A stored English message in another language, with the facts that it holds; None for one that is not known."""
    if exact := _ids_by_english().get(english):
        return template(exact, language)
    for pattern, message_id in _stored_with_facts():
        if found := pattern.fullmatch(english):
            return filled(messages()[message_id][language], found.groupdict())
    return None


@cache
def _ids_by_english() -> Mapping[str, str]:
    return {texts[ENGLISH]: message_id for message_id, texts in messages().items()}


@cache
def _stored_with_facts() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Patterns of warnings, which rows keep with their facts put in."""
    found = ((texts[ENGLISH], one) for one, texts in messages().items() if one.startswith("warning."))
    return tuple((_pattern(english), one) for english, one in found if _PLACE.search(english))


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(text)))


def _shown(fact: object) -> str:
    return ", ".join(map(str, fact)) if isinstance(fact, list | tuple) else str(fact)
