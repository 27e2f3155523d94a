"""What a client can read, by its Accept header (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_RANGE = re.compile(r"\s*(?P<range>[\w!#$&^.+*-]{1,100}/[\w!#$&^.+*-]{1,100})\s*(?P<parameters>;.*)?", re.ASCII)
_WEIGHT = re.compile(r";\s*q\s*=\s*(?P<q>0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.IGNORECASE | re.ASCII)
_ANY_WEIGHT = re.compile(r";\s*q\s*=", re.IGNORECASE | re.ASCII)
_MOST_RANGES = 50


@dataclass(frozen=True, slots=True)
class Accept:
    """How much a client likes each media type, from 0 (not at all) to 1."""

    weights: Mapping[str, float]
    """By range, in lower case: `image/avif`, `image/*`, `*/*`."""

    @classmethod
    def of(cls, header: str) -> Accept:
        """What the header says; ranges that cannot be read say nothing, and of two equal ones the first counts."""
        found: dict[str, float] = {}
        for name, weight in _ranges(header):
            found.setdefault(name, weight)
        return cls(found)

    def weight(self, mime: str) -> float:
        """By the most exact range that the type is in; 1 for everything where the header says nothing."""
        if not self.weights:
            return 1.0
        ranges = (mime, f"{mime.partition('/')[0]}/*", "*/*")
        return next((self.weights[name] for name in ranges if name in self.weights), 0.0)

    def named(self, mime: str) -> float:
        """Only by the type's own name: what an old program means by `*/*` knows no new formats."""
        return self.weights.get(mime, 0.0)


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(",")[:_MOST_RANGES]:
        found = _RANGE.fullmatch(part)
        weight = _weight(found["parameters"] or "") if found else None
        if found and weight is not None:
            yield found["range"].lower(), weight


def _weight(parameters: str) -> float | None:
    told = _WEIGHT.search(parameters)
    if told:
        return float(told["q"])
    return None if _ANY_WEIGHT.search(parameters) else 1.0
