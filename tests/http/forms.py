"""Forms as clients send them."""

from __future__ import annotations

from tests.http.gateway import Gateway, Got

BOUNDARY = "----boundary7MA4YWxk"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def a_part(disposition: str, body: bytes) -> bytes:
    return b"--%b\r\nContent-Disposition: %b\r\n\r\n%b\r\n" % (BOUNDARY.encode(), disposition.encode(), body)


def a_file(body: bytes, filename: str = "photo.jpg") -> bytes:
    # As browsers and curl do: https://html.spec.whatwg.org/multipage/form-control-infrastructure.html
    escaped = filename.replace("\n", "%0A").replace("\r", "%0D").replace('"', "%22")
    return a_part(f'form-data; name="file"; filename="{escaped}"', body)


def a_form(*parts: bytes, **fields: str) -> bytes:
    named = (a_part(f'form-data; name="{name.rstrip("_")}"', text.encode()) for name, text in fields.items())
    return b"".join((*parts, *named)) + f"--{BOUNDARY}--\r\n".encode()


def upload(client: Gateway, *parts: bytes, **fields: str) -> Got:
    return client.post("/file_upload", a_form(*parts, **fields), Content_Type=FORM)
