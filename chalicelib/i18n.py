"""Messages by id, in English and Turkish; `messages.json` holds both side by side.

An id names its area and the fault, such as `form.too_many_parts`; the id of an error code's own message is the code.
A placeholder `{name}` in a message is replaced by the fact of that name. `a+b` is the messages `a` and `b` in a row.

Stored rows keep warnings, and some errors, as English text. If the English text of such a message changes, its former
text goes into `former_messages.json` under the message's id, so that older rows are still translated.
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
    """Return every message by id and language; the file is read on the first call."""
    text = Path(__file__).with_name("messages.json").read_text(encoding="utf-8")
    return cast("dict[str, dict[str, str]]", json.loads(text))


def template(message_id: str, language: str = ENGLISH) -> str | None:
    """Return the message with its placeholders; None for an unknown id."""
    found = [messages().get(one) for one in message_id.split("+")]
    texts = [one[language] for one in found if one is not None]
    return " ".join(texts) if len(texts) == len(found) else None


def filled(text: str, facts: Mapping[str, object]) -> str:
    """Replace each `{name}` by the fact of that name; a placeholder without a fact stays as it is."""
    return _PLACE.sub(lambda place: _shown(facts[place[1]]) if place[1] in facts else place[0], text)


def translated(english: str, language: str) -> str | None:
    """Translate a stored English message, with the facts that it contains; None for an unknown message."""
    if exact := _ids_by_english().get(english):
        return template(exact, language)
    for pattern, message_id in _stored_with_facts():
        if found := pattern.fullmatch(english):
            return filled(messages()[message_id][language], found.groupdict())
    return None


@cache
def _ids_by_english() -> Mapping[str, str]:
    former = {text: message_id for message_id, texts in _former_messages().items() for text in texts}
    return former | {texts[ENGLISH]: message_id for message_id, texts in messages().items()}


@cache
def _stored_with_facts() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return patterns of the warnings with placeholders; rows keep these with the facts filled in."""
    texts = _ids_by_english().items()
    with_facts = ((text, one) for text, one in texts if one.startswith("warning.") and _PLACE.search(text))
    return tuple((_pattern(text), one) for text, one in with_facts)


@cache
def _former_messages() -> Mapping[str, list[str]]:
    """Return the former English texts of messages that stored rows may hold, by message id."""
    text = Path(__file__).with_name("former_messages.json").read_text(encoding="utf-8")
    return cast("dict[str, list[str]]", json.loads(text))


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(text)))


def _shown(fact: object) -> str:
    return ", ".join(map(str, fact)) if isinstance(fact, list | tuple) else str(fact)
