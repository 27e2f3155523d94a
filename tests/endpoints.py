"""The endpoints of all routes, imported."""

from __future__ import annotations

from chalicelib.http.routes import MONITOR_ROUTES, ROUTES

ENDPOINTS = tuple(one.endpoint() for one in ROUTES)
MONITOR = tuple(one.endpoint() for one in MONITOR_ROUTES)
