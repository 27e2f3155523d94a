"""Maintenance: schedules, clean-up, quarantine, consistency check and recount."""
