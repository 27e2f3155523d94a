"""Image processing: pure functions from bytes to bytes, without settings, clocks or networks."""
