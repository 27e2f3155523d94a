"""Loopback counts as a secure transport.

Upstream lacks: a setting for it. MiniStack 1.5.33 evaluates `aws:SecureTransport` by the scheme of the request
(`ministack.app.pin_request_origin`), so the policies of infra/foundation.yaml, which refuse plain HTTP, refuse every
request to an emulator without TLS.

Remove when: the emulator can be told that a proxy or loopback is trusted, or the local cloud speaks HTTPS.
"""

from __future__ import annotations

from ministack import app as ministack


def apply() -> None:
    """Let each request pass as one over HTTPS; the emulator listens on 127.0.0.1 alone."""
    pin = ministack.pin_request_origin
    ministack.pin_request_origin = lambda address, _secure: pin(address, True)  # noqa: FBT003  # their signature
