"""Fuzzing of the engine: `python -m tests.fuzz <container> --seconds N`, see CONTRIBUTING.md."""
