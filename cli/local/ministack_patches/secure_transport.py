"""Requests over the loopback interface count as secure transport.

Upstream lacks: a setting for it. MiniStack 1.5.33 evaluates `aws:SecureTransport` by the scheme of the request
(`ministack.app.pin_request_origin`), so the policies of infra/foundation.yaml, which refuse plain HTTP, refuse every
request to an emulator without TLS.

Remove when: the emulator has a setting to trust a proxy or loopback, or the local cloud supports HTTPS.
"""

from __future__ import annotations

from ministack import app as ministack


def apply() -> None:
    """Treat each request as one over HTTPS; the emulator listens on 127.0.0.1 only."""
    pin = ministack.pin_request_origin
    ministack.pin_request_origin = lambda address, _secure: pin(address, True)  # noqa: FBT003  # their signature
