"""An independent judge: recounts everything from the rows and the bucket, and holds it against what was promised.

It believes no counter, no result and no status that it can work out by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bench.soak.finished import Finished
from bench.soak.rules import ends, objects, pictures

LOST, DUPLICATED, INEXACT = "lost", "duplicated", "inexact"
Rule = Callable[[Finished], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, in words."""

    kind: str
    what: str
    rule: str = ""
    """Name of the rule that has found it."""


def problems_of(world: Finished) -> Iterator[Problem]:
    """All that is wrong with a world that has come to rest."""
    for kind, rules in RULES.items():
        for rule in rules:
            yield from (Problem(kind, what, rule.__name__) for what in rule(world))


RULES: Mapping[str, tuple[Rule, ...]] = {
    LOST: (
        ends.without_end,
        ends.without_reason,
        ends.too_late,
        ends.letters_missing,
        pictures.without_image,
        pictures.not_as_promised,
        objects.rows_without_objects,
    ),
    DUPLICATED: (pictures.images_twice, pictures.bytes_twice, ends.requests_twice),
    INEXACT: (
        pictures.counters,
        pictures.not_gone,
        pictures.wrong_side,
        pictures.manifests,
        ends.families,
        ends.success_after_cancel,
        ends.changed_after_the_end,
        ends.tried_too_often,
        ends.letters_too_many,
        objects.objects_without_rows,
        objects.uploads_left,
    ),
}
