"""The commands, a file for each noun: `register…` declares a command, `run…` runs it and returns the exit code."""
