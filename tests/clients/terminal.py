"""Uploads with curl, and objects put by the tools for S3: aws, s3cmd and rclone."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.clients.programs import Plan, Told, needed, run

BUSY = {429, 502, 503, 504}
TRIES = 30
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
ANSWERED = "\n%{http_code} %{size_upload}"
PATIENCE = "30"
"""Seconds that curl waits for 100 Continue before it sends nevertheless: longer than the suite would bear."""


def curl(plan: Plan) -> Told:
    """What curl is answered: `sent` bytes of the body, and `heard` of the exchange."""
    program = needed("curl")
    picture = f"file=@{plan.picture}"
    fields = [*("-F", f"collection={plan.collection}"), *("-F", "async=true"), *("-F", "on_duplicate=copy")]

    def ask(path: str, *arguments: str, token: str = plan.token) -> dict[str, Any]:
        line = [program, "-sSv", "--noproxy", "*", "-w", ANSWERED, "-H", f"Authorization: {token}", plan.api + path]
        for _ in range(TRIES):
            made = run([*line, *arguments])
            body, _, numbers = made.stdout.rpartition("\n")
            status, sent = (int(number) for number in numbers.split())
            if status not in BUSY:
                break
            time.sleep(1)
        with suppress(ValueError):
            body = json.loads(body)
        return {"status": status, "body": body, "sent": sent, "heard": made.stderr}

    def single(*parts: str) -> dict[str, Any]:
        return ask("/file_upload", *(word for part in parts for word in ("-F", part)), *fields)

    def raw(body: bytes, *headers: str, path: str = "/file_upload") -> dict[str, Any]:
        place = plan.folder / "body"
        place.write_bytes(body)
        options = (word for header in headers for word in ("-H", header))
        return ask(path, "--data-binary", f"@{place}", *options)

    huge = plan.folder / "huge.jpg"
    with huge.open("wb") as file:
        file.truncate(60_000_000)
    latin = plan.folder / "names.conf"
    latin.write_bytes(b'form = "%b;filename=\\"\xe7i\xe7ek \xf0\xfe.jpg\\""\n' % picture.encode())
    waits = ("--expect100-timeout", PATIENCE, "-H", "Expect: 100-continue")
    ahead = json.dumps({"filename": "a.jpg", "collection": plan.collection}).encode()
    tracing = "sentry-trace,baggage,x-requested-with"
    asks = ("-X", "OPTIONS", "-H", "Origin: https://app.example", "-H", "Access-Control-Request-Method: POST")
    return {
        "upload": single(f"{picture};filename=curl ğüneş.jpg"),
        "Latin-5 name": ask("/file_upload", "-K", str(latin), *fields),
        "large, with Expect": ask("/file_upload", *waits, "-F", f"file=@{plan.large}", *fields),
        "too large, with Expect": ask("/file_upload", *waits, "-F", f"file=@{huge}", *fields),
        "bad token, with Expect": ask("/file_upload", *waits, "-F", f"file=@{plan.large}", *fields, token="nobody's"),
        "image": single(f"image=@{plan.picture}"),
        "files[]": single(f"files[]=@{plan.picture}"),
        "forgotten @": single("file=photo.jpg"),
        "base64": single(f"{picture};encoder=base64"),
        "quoted-printable": single(f"{picture};encoder=quoted-printable"),
        # Two files in one field are a multipart/mixed of their own.
        "nested": single(f"{picture},{plan.other}"),
        "switch in capitals": ask("/file_upload", "-F", picture, "-F", "async=TRUE", "-F", "on_duplicate=copy"),
        "the file itself": raw(plan.picture.read_bytes(), "Content-Type: image/jpeg"),
        "data-binary": raw(plan.picture.read_bytes()),
        "gzip": raw(gzip.compress(b"x"), "Content-Type: multipart/form-data; boundary=a", "Content-Encoding: gzip"),
        "byte order mark": raw(b"\xef\xbb\xbf" + ahead, "Content-Type: application/json", path="/uploads"),
        "preflight": ask("/file_upload", *asks, "-H", f"Access-Control-Request-Headers: {tracing}"),
    }


def aws(plan: Plan) -> Told:
    """The AWS CLI: the line that `./wallify status` prints, a folder with junk in it, and keys that need care."""
    program, under = needed("aws"), f"s3://{plan.bucket}/incoming/{plan.collection}"

    def ask(*words: str | Path) -> dict[str, Any]:
        return _put([program, "--endpoint-url", plan.emulator, *words])

    folder = plan.folder / "wallpapers"
    folder.mkdir()
    for name, body in {"photo.jpg": plan.picture.read_bytes(), **JUNK}.items():
        (folder / name).write_bytes(body)
    key = f"incoming/{plan.collection}/a\nb.jpg"
    return {
        "cp": ask("s3", "cp", plan.picture, f"{under}/"),
        "sync": ask("s3", "sync", folder, f"{under}-sync/"),
        "line break": ask("s3api", "put-object", "--bucket", plan.bucket, "--key", key, "--body", plan.other),
    }


JUNK = {".DS_Store": b"\0\0\0\1Bud1", "Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), "empty.jpg": b""}


def s3cmd(plan: Plan) -> Told:
    """s3cmd, into a folder whose name is no collection's."""
    host = plan.emulator.removeprefix("http://")
    flags = ("--no-ssl", f"--host={host}", f"--host-bucket={host}", "--access_key=test", "--secret_key=test")
    config = plan.folder / "s3cfg"
    config.write_text("[default]\n", encoding="utf-8")
    line: list[str | Path] = [needed("s3cmd"), "-c", config, *flags, "put", plan.picture]
    return {
        "put": _put([*line, f"s3://{plan.bucket}/incoming/{plan.collection}/s3cmd ğüneş.jpg"]),
        "ampersand": _put([*line, f"s3://{plan.bucket}/incoming/{plan.collection} R&D/x.jpg"]),
    }


def rclone(plan: Plan) -> Told:
    """rclone, which makes folder names as they are on the disk."""
    settings = {"TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": plan.emulator, "FORCE_PATH_STYLE": "true"}
    keys = {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "REGION": "us-east-1", "NO_CHECK_BUCKET": "true"}
    remote = {f"RCLONE_CONFIG_LOCAL_{name}": text for name, text in {**settings, **keys}.items()}
    folder = plan.folder / f"{plan.collection} Summer (2024)"
    folder.mkdir()
    (folder / "beach.jpg").write_bytes(plan.picture.read_bytes())
    line = (needed("rclone"), "--config", "/dev/null", "copy", folder, f"local:{plan.bucket}/incoming/{folder.name}")
    return {"copy": _put(line, **remote)}


def _put(line: Sequence[str | Path], **environment: str) -> dict[str, Any]:
    made = run(line, **KEYS, **environment)
    return {"status": made.returncode, "body": made.stdout + made.stderr}
