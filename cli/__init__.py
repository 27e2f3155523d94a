"""The terminal door: `./wallify <command>`."""
