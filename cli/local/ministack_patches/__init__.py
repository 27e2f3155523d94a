"""Patches of the AWS emulator (MiniStack) and of Chalice, for the local cloud alone; AWS never sees them.

Each file is one patch. Its docstring says what upstream lacks, where (module and name of the pinned version, or an
issue), and when the file can be removed. `guard` refuses another version and names that are not there. `serve` applies
the patches and runs the emulator. `./wallify up --plain-emulator` runs an emulator without them; localstack/README.md
says what does not work then.
"""
