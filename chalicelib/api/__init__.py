"""The HTTP door: routes, what they accept and answer, and one shape for every error."""

from __future__ import annotations

from chalicelib.api.door import register

__all__ = ["register"]
