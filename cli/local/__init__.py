"""The local cloud: an emulator, the real template and the real Lambda code on one machine, without Docker."""
