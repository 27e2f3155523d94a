"""Sessions of the monitor: a token is shown once, then a sealed cookie stands for it.

Nothing is stored. A session names its token by digest and says when it ends; the token itself is looked up at each
request, so that a revoked or expired one ends its sessions at once. The key comes from the bootstrap secret: a new
secret ends all sessions.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chalicelib.core.tokens import Principal
from chalicelib.errors import Unauthorized, Unavailable
from chalicelib.services.tokens import Tokens

_FORM = re.compile(r"(?P<said>v1\.(?P<digest>[0-9a-f]{64})\.(?P<ends>\d{1,12}))\.(?P<seal>[0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Session:
    """An open session."""

    principal: Principal
    sealed: str
    """What the cookie holds."""
    csrf: str
    """What a page must show beside the cookie whenever it changes something; no other site can read it."""
    ends_at: datetime


@dataclass(frozen=True)
class Sessions:
    """Opens sessions and finds them again."""

    tokens: Tokens
    lasts: timedelta = timedelta(hours=12)

    def open(self, presented: str) -> Session:
        """A session for the token. Unauthorized; Unavailable where there is no bootstrap secret to sign with."""
        principal = self.tokens.authenticate(presented)
        ends = self.tokens.clock.now() + self.lasts
        if principal.expires_at is not None:
            ends = min(ends, principal.expires_at)
        said = f"v1.{principal.token_id}.{int(ends.timestamp())}"
        return self._session(principal, said, ends)

    def find(self, sealed: str) -> Session:
        """The session behind a cookie, found with one read of the store at most.

        Raises:
            Unauthorized: if it or its token is not valid now.
        """
        found = _FORM.fullmatch(sealed)
        if found is None or not hmac.compare_digest(self._signed("session", found["said"]), found["seal"]):
            raise Unauthorized
        ends = datetime.fromtimestamp(int(found["ends"]), UTC)
        if self.tokens.clock.now() >= ends:
            raise Unauthorized
        return self._session(self.tokens.known(found["digest"]), found["said"], ends)

    def csrf(self, sealed: str) -> str:
        """What has to be shown beside that cookie."""
        return self._signed("csrf", sealed)

    def _session(self, principal: Principal, said: str, ends: datetime) -> Session:
        sealed = f"{said}.{self._signed('session', said)}"
        return Session(principal, sealed, self.csrf(sealed), ends)

    def _signed(self, purpose: str, said: str) -> str:
        secret = self.tokens.bootstrap()
        if not secret:
            raise Unavailable("The monitor's sessions are signed with the bootstrap secret, and there is none.")
        key = hmac.digest(secret.encode(), b"wallify monitor " + purpose.encode(), "sha256")
        return hmac.new(key, said.encode(), "sha256").hexdigest()
