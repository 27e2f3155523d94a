"""File names as the world has them; written by us, after the kinds that break programs."""

# ruff: noqa: RUF001  # letters that look like others are what this is about

from __future__ import annotations

HARMLESS = (
    "photo.jpg",
    "günaydın İSTANBUL şçöğü.jpg",
    "gu\N{COMBINING DIAERESIS}naydın.jpg",  # as a Mac spells it
    "写真 2026.png",
    "صورة.jpg",
    "हिन्दी.jpg",
    "👨\N{ZERO WIDTH JOINER}👩\N{ZERO WIDTH JOINER}👧.png",  # one emoji, three people
    "می\N{ZERO WIDTH NON-JOINER}خواهم.jpg",  # Persian needs it
    "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe",  # shown as exe.jpg; a name is never run
    "\N{BYTE ORDER MARK}a\N{ZERO WIDTH SPACE}b.jpg",
    "../../etc/passwd",
    "..\\..\\boot.ini",
    "/etc/passwd",
    "C:\\con",
    "NUL",
    "%2e%2e%2fetc",
    "a%00b.jpg",
    "a+b c&d=e?f#g.jpg",
    "<script>alert(1)</script>.jpg",
    "'; DROP TABLE images; --.jpg",
    "$(rm -rf ~).jpg",
    "`id`.jpg",
    "{{7*7}}.jpg",
    "%s%n%x.jpg",
    "=1+1.csv",
    "a" * 300,
    " spaces around .jpg ",
    ".",
    "..",
    "é" * 200 + ".jpg",
    "Z̸̧a̷l̶g̷o̴.jpg",
    "null",
    "undefined",
    "-1",
    "NaN",
    "0x0",
)

REFUSED = (
    "a\0b.jpg",
    "a\r\nSet-Cookie: x=1.jpg",
    "a\nb.jpg",
    "a\tb.jpg",
    "\x1b[31mred.jpg",
    "\x7f.jpg",
    "a\x85b.jpg",
    "a\N{LINE SEPARATOR}b.jpg",
    "a\N{PARAGRAPH SEPARATOR}b.jpg",
    "\ud800.jpg",
    "a\udc80.jpg",  # how Python reads a byte that is no UTF-8
)
