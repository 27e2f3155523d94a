"""Patches of the AWS emulator (MiniStack) and of Chalice for the local cloud; they are not used on AWS.

Each file is one patch. Its docstring says what upstream lacks, where (module and name in the pinned version, or an
issue), and when the file can be removed. `version_check` refuses other versions and missing names. `serve` applies the
patches and runs the emulator. `./wallify up --plain-emulator` runs the emulator without them; localstack/README.md
lists the limits of that.
"""
