"""The monitor's routes."""

from __future__ import annotations

from chalicelib.monitor import pages, signing_in

ENDPOINTS = (
    pages.monitor,
    pages.monitor_file,
    signing_in.session,
    signing_in.open_session,
    signing_in.close_session,
)
