"""The monitor's routes."""

from __future__ import annotations

from chalicelib.monitor import pages, signing_in

ENDPOINTS = (
    pages.get_monitor,
    pages.get_monitor_file,
    signing_in.get_session,
    signing_in.create_session,
    signing_in.delete_session,
)
