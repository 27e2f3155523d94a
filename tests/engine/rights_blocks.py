"""Blocks that tell of rights, as programs write them: XMP packets and IPTC."""

from __future__ import annotations

import struct

BY = "https://creativecommons.org/licenses/by/4.0/"
SPACES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" xmlns:cc="http://creativecommons.org/ns#" '
    'xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
)


def packet(inside: str, attributes: str = "", head: str = "") -> bytes:
    """An XMP packet with this in its one description."""
    rdf = f"<rdf:RDF {SPACES}><rdf:Description rdf:about='' {attributes}>{inside}</rdf:Description></rdf:RDF>"
    return f"<?xpacket begin='\ufeff'?>{head}<x:xmpmeta xmlns:x='adobe:ns:meta/'>{rdf}</x:xmpmeta>\n ".encode()


def listed(name: str, kind: str, *items: str) -> str:
    """A property that is an array of this kind: Seq, Alt or Bag."""
    return f"<{name}><rdf:{kind}>{''.join(items)}</rdf:{kind}></{name}>"


WHOLE = packet(
    listed("dc:creator", "Seq", "<rdf:li>Ayşe Çelik</rdf:li>", "<rdf:li>Bob</rdf:li>")
    + listed(
        "dc:rights",
        "Alt",
        "<rdf:li xml:lang='de'>Alle Rechte</rdf:li>",
        "<rdf:li xml:lang='x-default'>All rights</rdf:li>",
    )
    + f"<cc:license rdf:resource='{BY}'/>"
    + "<exif:GPSLatitude>38,28.2N</exif:GPSLatitude><exif:SerialNumber>SN-4711</exif:SerialNumber>"
)


def iptc(*fields: tuple[int, int, bytes]) -> bytes:
    """An IPTC block of these fields: record, number and value."""
    return b"".join(struct.pack(">BBBH", 0x1C, record, number, len(value)) + value for record, number, value in fields)


NEWS = iptc((1, 90, b"\x1b%G"), (2, 80, "Jörg".encode()), (2, 80, b"Ann"), (2, 116, b"(c) Agency"), (2, 110, b"AP"))


def resource(block: bytes) -> bytes:
    """The block among Photoshop's resources."""
    return b"8BIM\x04\x04\0\0" + struct.pack(">I", len(block)) + block + bytes(len(block) % 2)
