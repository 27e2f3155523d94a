"""The commands of `./wallify`."""
