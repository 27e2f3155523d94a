"""One file per command: `add_to(commands)` declares it; its `run` does it and answers the exit code."""
