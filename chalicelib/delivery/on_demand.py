"""Renditions on demand: what a client may ask of `/r`, and how it is made once and found again.

A wish is a preset of the settings, or options such as `w=1080,h=2400,fit=cover`. Both become a `Transform` with a
canonical name, under which the rendition is stored, so that equal wishes share one. It is made by a task of the
thumbnails queue, whose id follows from the wish: of many equal requests one starts the work and waits for it. The
others are led to another size, so that a new picture's first viewers do not occupy the API's functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType

from chalicelib.delivery.negotiation import Accept
from chalicelib.engine.model import CENTER, Point, Transform
from chalicelib.errors import BadRequest, ImageNotFound
from chalicelib.images.model import Image, Rendition
from chalicelib.names import MOST_FRAME_PIXELS, MOST_FRAME_SIDE
from chalicelib.ports import Catalog
from chalicelib.tasks.factory import JobEnqueuer, JobRequest, on_demand_id
from chalicelib.tasks.model import Status, Subject, Task, TaskType

AUTO = "auto"
CODECS = (AUTO, "avif", "webp", "jpeg", "png")
_MOST_DPR, _MOST_QUALITY, _MOST_BLUR = 4.0, 100, 100

COMPASS: Mapping[str, Point] = MappingProxyType(
    {
        "center": CENTER,
        "north": (0.5, 0.0),
        "north-east": (1.0, 0.0),
        "east": (1.0, 0.5),
        "south-east": (1.0, 1.0),
        "south": (0.5, 1.0),
        "south-west": (0.0, 1.0),
        "west": (0.0, 0.5),
        "north-west": (0.0, 0.0),
    }
)
SMART = "smart"
_POINT = re.compile(r"(0(?:\.\d{1,3})?|1(?:\.0{1,3})?)x(0(?:\.\d{1,3})?|1(?:\.0{1,3})?)", re.ASCII)
_WHOLE = re.compile(r"[1-9]\d{0,4}", re.ASCII)
_NUMBER = re.compile(r"\d(?:\.\d{1,2})?", re.ASCII)
_COLOUR = re.compile(r"[0-9a-f]{6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wish:
    """A rendition that a client asks for."""

    transform: Transform
    codec: str = AUTO
    """One of `CODECS`; `auto`: by the Accept header."""
    follows_focus: bool = True
    """True if the image's focal point, when it has one, is used in place of `gravity`."""

    @property
    def options(self) -> str:
        """The options that ask for it, in a fixed order, for `parse_options`."""
        given = self.transform
        gravity = None if self.follows_focus and given.gravity == CENTER else _named(given.gravity)
        fit = (("fit", "cover"), ("gravity", gravity)) if given.cover else ()
        every = (
            ("w", given.width),
            ("h", given.height),
            *fit,
            ("q", given.quality),
            ("format", self.codec if self.codec != AUTO else None),
            ("blur", given.blur),
            ("background", given.background),
        )
        return ",".join(f"{name}={value}" for name, value in every if value)

    @property
    def name(self) -> str:
        """The canonical name, such as `w1080-h2400-cover-smart`: the size of the rendition's row, part of its key."""
        given = self.transform
        parts = (
            f"w{given.width}" if given.width else "",
            f"h{given.height}" if given.height else "",
            _place(given.gravity) if given.cover else "",
            f"q{given.quality}" if given.quality else "",
            f"blur{given.blur}" if given.blur else "",
            f"bg{given.background}" if given.background else "",
        )
        return "-".join(filter(None, parts))


def focused(wish: Wish, point: Point | None) -> Wish:
    """Return the wish for an image with this focal point."""
    if point is None or not (wish.transform.cover and wish.follows_focus):
        return wish
    return replace(_with(wish, gravity=point), follows_focus=False)


def parse_presets(listed: str) -> Mapping[str, Wish]:
    """Return the presets of the setting by name.

    A name says what it means: a word, the width, and optionally the height and how the frame is filled, as in
    `phone-1080x2400-cover`, `desktop-3840` and `square-400-smart`.
    """
    return {name: _preset(name) for name in filter(None, listed.split(","))}


def _preset(name: str) -> Wish:
    _, frame, *how = name.split("-")
    width, _, height = frame.partition("x")
    is_smart = how == [SMART]
    made = Transform(int(width), int(height) if height else None, cover=is_smart or how == ["cover"])
    return Wish(replace(made, gravity=None) if is_smart else made)


def parse_options(text: str) -> Wish:
    """Return what these options ask for.

    Options: `w`, `h` (pixels), `fit` (inside, cover), `gravity` (center, a compass point, smart, or a place such as
    `0.3x0.7`; without one or with `smart`, an image's focal point comes first), `dpr` (multiplies the sides), `q`
    (quality), `format`, `blur`, `background` (rrggbb).

    Raises:
        BadRequest: an option is unknown, given twice, or out of its bounds; the message names it.
    """
    wish = Wish(Transform(gravity=CENTER))
    seen: dict[str, str] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        if name not in _OPTIONS:
            raise BadRequest("transform.unknown_option", option=name[:40], options=sorted(_OPTIONS))
        if name in seen:
            raise BadRequest("transform.twice", option=name)
        seen[name] = value
        try:
            wish = _OPTIONS[name].apply(wish, value)
        except ValueError as fault:
            raise BadRequest(
                "transform.bad_value", option=name, value=value[:40], allowed=_OPTIONS[name].allowed
            ) from fault
    wish = _multiplied(wish, float(seen.get("dpr", 1)))
    if problem := _fault(wish.transform):
        raise BadRequest(problem, side=MOST_FRAME_SIDE, pixels=MOST_FRAME_PIXELS)
    if not wish.transform.cover:
        wish = replace(_with(wish, gravity=CENTER), follows_focus=True)
    # JPEG has no transparency: what is transparent becomes white unless another colour is given.
    return _with(wish, background=wish.transform.background or "ffffff") if wish.codec == "jpeg" else wish


def _multiplied(wish: Wish, dpr: float) -> Wish:
    given = wish.transform
    width, height = (side and max(1, round(side * dpr)) for side in (given.width, given.height))
    return replace(wish, transform=replace(given, width=width, height=height))


def _fault(wanted: Transform) -> str | None:
    """Return the id of the message about a frame that is missing or too large."""
    if not (wanted.width or wanted.height):
        return "transform.no_side"
    width, height = wanted.width or wanted.height or 1, wanted.height or wanted.width or 1
    framed = wanted.cover or (wanted.width and wanted.height)
    is_large = max(width, height) > MOST_FRAME_SIDE or (framed and width * height > MOST_FRAME_PIXELS)
    return "transform.too_large" if is_large else None


def _named(gravity: Point | None) -> str:
    return SMART if gravity is None else f"{gravity[0]:.3g}x{gravity[1]:.3g}"


def _place(gravity: Point | None) -> str:
    if gravity is None:
        return "cover-smart"
    return "cover" if gravity == CENTER else f"cover-at{round(gravity[0] * 1000)}x{round(gravity[1] * 1000)}"


@dataclass(frozen=True, slots=True)
class _Option:
    apply: Callable[[Wish, str], Wish]
    """Raises ValueError for a value that is not allowed."""
    allowed: str
    """The allowed values, for the message."""


def _matched(pattern: re.Pattern[str], value: str) -> re.Match[str]:
    match = pattern.fullmatch(value)
    if match is None:
        raise ValueError(value)
    return match


def _whole(value: str, most: int) -> int:
    number = int(_matched(_WHOLE, value)[0])
    if number > most:
        raise ValueError(value)
    return number


def _one_of(value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(value)
    return value


def _with(wish: Wish, **changes: object) -> Wish:
    return replace(wish, transform=replace(wish.transform, **changes))  # type: ignore[arg-type]  # by field name


def _gravity(wish: Wish, value: str) -> Wish:
    if value == SMART:
        return _with(wish, gravity=None)
    fixed = replace(wish, follows_focus=False)
    if value in COMPASS:
        return _with(fixed, gravity=COMPASS[value])
    match = _matched(_POINT, value)
    return _with(fixed, gravity=(float(match[1]), float(match[2])))


def _dpr(wish: Wish, value: str) -> Wish:
    if not 0 < float(_matched(_NUMBER, value)[0]) <= _MOST_DPR:
        raise ValueError(value)
    return wish


_PIXELS = f"1 to {MOST_FRAME_SIDE}"
_OPTIONS: Mapping[str, _Option] = MappingProxyType(
    {
        "w": _Option(lambda wish, value: _with(wish, width=_whole(value, MOST_FRAME_SIDE)), _PIXELS),
        "h": _Option(lambda wish, value: _with(wish, height=_whole(value, MOST_FRAME_SIDE)), _PIXELS),
        "fit": _Option(
            lambda wish, value: _with(wish, cover=_one_of(value, ("inside", "cover")) == "cover"), "inside, cover"
        ),
        "gravity": _Option(_gravity, f"{', '.join(COMPASS)}, {SMART}, 0.3x0.7"),
        "dpr": _Option(_dpr, f"0.01 to {_MOST_DPR:.0f}"),
        "q": _Option(lambda wish, value: _with(wish, quality=_whole(value, _MOST_QUALITY)), f"1 to {_MOST_QUALITY}"),
        "format": _Option(lambda wish, value: replace(wish, codec=_one_of(value, CODECS)), ", ".join(CODECS)),
        "blur": _Option(lambda wish, value: _with(wish, blur=_whole(value, _MOST_BLUR)), f"1 to {_MOST_BLUR}"),
        "background": _Option(
            lambda wish, value: _with(wish, background=_matched(_COLOUR, value)[0]), "rrggbb, 000000 to ffffff"
        ),
    }
)


ON_DEMAND = "on_demand"
"""Value of the task argument `mode`; the arguments `wish` (options) and `codec` say what is made."""
MOST_RENDITIONS = 64
"""Renditions on demand of one image: they are part of its row, which every request for it reads."""
_PLAIN = "jpeg"
_BY_ACCEPT = ("avif", "webp", _PLAIN)


def codec_for(wish: Wish, accept: str) -> str:
    """Return the codec of the wish, or the one that the Accept header prefers: AVIF and WebP only if it names them."""
    return wish.codec if wish.codec != AUTO else max(_BY_ACCEPT, key=Accept.of(accept).preference)


def find_rendition(image: Image, name: str, codec: str) -> Rendition | None:
    """Return the image's rendition on demand of that name and codec; `jpeg` may have become PNG."""
    formats = {codec, "png"} if codec == _PLAIN else {codec}
    return next((one for one in image.renditions if one.size == name and one.format in formats), None)


def _was_asked_for(one: Rendition) -> bool:
    return one.is_on_demand or (one.is_width and not one.is_of_ladder)


@dataclass(frozen=True)
class OnDemand:
    """Finds renditions on demand, and has missing ones made."""

    catalog: Catalog
    jobs: JobEnqueuer
    presets: Mapping[str, Wish]
    wait: Callable[[str, timedelta], Task]
    """Waits for the end of a task; returns it as it is then, also if the time is over or the queue too long."""
    patience: timedelta

    def rendition(self, image: Image, wish: Wish, accept: str) -> Rendition | None:
        """Return the rendition; None if it is not ready in time or cannot be made, and another one has to do.

        A rendition that is not ready in time is made nevertheless, so that a later request finds it.

        Raises: Unavailable.
        """
        codec, wish = codec_for(wish, accept), focused(wish, image.focal_point)
        found = find_rendition(image, wish.name, codec)
        if found is not None or sum(map(_was_asked_for, image.renditions)) >= MOST_RENDITIONS:
            return found
        task = self._started(image, wish, codec)
        if task is None or self.wait(task.task_id, self.patience).status is not Status.SUCCESS:
            return None
        return self._made(image.image_id, wish, codec)

    def _started(self, image: Image, wish: Wish, codec: str) -> Task | None:
        # The version changes when a rendition is added or dropped, so that what was dropped can be made again, and
        # what could not be made is not tried again for every request.
        task_id = on_demand_id(image.image_id, image.version, wish.options, codec)
        subject = Subject(image.collection, image.image_id)
        arguments = {"mode": ON_DEMAND, "wish": wish.options, "codec": codec}
        return self.jobs.enqueue_once(JobRequest(TaskType.GENERATE_THUMBNAILS, subject, arguments), task_id=task_id)

    def _made(self, image_id: str, wish: Wish, codec: str) -> Rendition | None:
        try:
            return find_rendition(self.catalog.image(image_id), wish.name, codec)
        except ImageNotFound:
            return None
