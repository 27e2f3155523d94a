"""Requests that HTTP itself does not allow: refused in Wallify's words, as everything else is."""

from __future__ import annotations

import json
import logging
import re

from aiohttp import web

from cli.local.gateway_words import GatewayWords

log = logging.getLogger("wallify.front")


class Gate(web.Server):
    """A server whose own refusals have the one error shape."""

    def __call__(self) -> web.RequestHandler:
        """What serves one connection."""
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status >= 500:  # noqa: PLR2004 - a bug of ours
            return super().handle_error(request, status, exc, message)
        reason = (message or "").partition("\n")[0].rstrip(":")[:200]
        log.info("not HTTP: %s", reason)
        answer = refusal(reason)
        answer.force_close()  # where the next request would begin is unknown
        return answer


def refusal(reason: str) -> web.Response:
    """400, with the reason among the details."""
    status, headers, body = GatewayWords.load().say("BAD_REQUEST_PARAMETERS")
    told = json.loads(body)
    told["details"] |= {"reason": reason}
    return web.Response(status=status, headers=headers, body=json.dumps(told).encode())


def target_of(request: web.BaseRequest) -> str | None:
    """Path and query as they were sent, without the host that clients of a proxy put before; None if there is no path.

    https://www.rfc-editor.org/rfc/rfc9112#section-3.2
    """
    found = re.fullmatch(r"(?:https?://[^/?#]*)?(/.*)?", request.raw_path, re.IGNORECASE)
    return (found[1] or "/") if found else None
