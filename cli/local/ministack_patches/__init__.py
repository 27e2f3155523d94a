"""Patches of the AWS emulator, each with what upstream lacks and when it can be removed."""
