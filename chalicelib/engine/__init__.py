"""Bytes in, bytes out: what Wallify knows about pixels. Pure functions without settings, clocks or networks."""
