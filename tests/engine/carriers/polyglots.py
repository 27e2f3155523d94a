"""Pictures that are other files as well: archives, documents, pages and programs."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache, partial

from tests.engine.carriers import avif, gif, jpeg, png, webp
from tests.engine.carriers.marker import MARK, Carriers
from tests.pictures import png_chunk, raw_png

PAGE = b"<!DOCTYPE html><html><body><script>alert('" + MARK + b"')</script></body></html>"
SCRIPT = b"=1;alert('" + MARK + b"')//"


@cache
def archive() -> bytes:
    """A ZIP with a program in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("setup.exe", b"MZ" + MARK + bytes(40))
    return out.getvalue()


@cache
def document() -> bytes:
    """A PDF that opens an action."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS (" + MARK + b") >> >>",
        b"<< /Type /Pages /Kids [] /Count 0 >>",
    ]
    body = b"%PDF-1.7\n" + b"".join(b"%d 0 obj\n%b\nendobj\n" % (i, one) for i, one in enumerate(objects, 1))
    table = b"xref\n0 1\n0000000000 65535 f \ntrailer << /Root 1 0 R /Size 3 >>\nstartxref\n%d\n%%%%EOF\n"
    return body + table % len(body)


PAYLOADS: dict[str, Callable[[], bytes]] = {
    "zip": archive,
    "pdf": document,
    "html": lambda: PAGE,
    "script": lambda: SCRIPT,
    "exe": lambda: b"MZ\x90\0" + bytes(56) + struct.pack("<I", 64) + b"PE\0\0" + MARK + bytes(200),
    "rar": lambda: b"Rar!\x1a\x07\1\0" + MARK + bytes(50),
    "7z": lambda: b"7z\xbc\xaf\x27\x1c\0\4" + MARK + bytes(50),
    "php": lambda: b"<?php system('" + MARK + b"'); ?>",
    "shell": lambda: b"\n#!/bin/sh\n" + MARK,
}
HOSTS: dict[str, Callable[[], bytes]] = {
    "jpeg": jpeg.base,
    "png": png.base,
    "gif": gif.base,
    "webp": partial(webp.base, "lossy"),
    "avif": avif.base,
}
PLACES: dict[str, Callable[[bytes], bytes]] = {
    "jpeg comment": lambda what: jpeg.base()[:2] + jpeg.segment(0xFE, what) + jpeg.base()[2:],
    "jpeg before the end": lambda what: jpeg.base()[:-2] + what + b"\xff\xd9",
    "jpeg profile": lambda what: jpeg.base()[:2] + jpeg.segment(0xE2, b"ICC_PROFILE\0\1\1" + what) + jpeg.base()[2:],
    "png colour chunk": lambda what: png.base()[:33] + png_chunk(b"gAMA", b"\0\0\xb1\x8f" + what) + png.base()[33:],
    "png text": lambda what: png.base()[:33] + png_chunk(b"tEXt", b"a\0" + what) + png.base()[33:],
    "png end": lambda what: png.base()[:-12] + png_chunk(b"IEND", what),
    "png pixels": lambda what: raw_png((len(what), 1), 8, 0, [what])[:33] + _stored(what),
    "gif comment": lambda what: gif.base()[:-1] + b"\x21\xfe" + _blocks(what) + b"\0;",
    "gif behind the codes": lambda what: gif.base()[:-2] + _blocks(what) + b"\0;",
    "webp chunk": lambda what: webp.riff([*webp.chunks(webp.base("alpha")), (b"JUNK", what)]),
    "webp behind the pixels": lambda what: webp.riff([(b"VP8 ", webp.chunks(webp.base("lossy"))[0][1] + what)]),
    "avif free space": lambda what: avif.base() + avif.box(b"free", what),
}


def _blocks(what: bytes) -> bytes:
    return b"".join(bytes([len(what[at : at + 255])]) + what[at : at + 255] for at in range(0, len(what), 255))


def _stored(what: bytes) -> bytes:
    """One row of grey samples, not packed, and the end."""
    return png_chunk(b"IDAT", zlib.compress(b"\0" + what, 0)) + png.END


POLYGLOTS: Carriers = {
    **{
        f"{payload} behind {host}": lambda a=base, b=make: a() + b()  # type: ignore[misc]
        for host, base in HOSTS.items()
        for payload, make in PAYLOADS.items()
    },
    **{
        f"{payload} in {name}": lambda a=place, b=make: a(b())  # type: ignore[misc]
        for name, place in PLACES.items()
        for payload, make in PAYLOADS.items()
    },
}
