"""`wallify completion`: what makes Tab complete commands and options."""

from __future__ import annotations

import argparse

from cli.commands.grammar import Commands, declare
from cli.completing import SHELLS, words_of

_INSTALL = {
    "bash": "completion bash > ~/.local/share/bash-completion/completions/wallify",
    "zsh": "completion zsh > ~/.zfunc/_wallify    # and fpath+=~/.zfunc in ~/.zshrc",
    "fish": "completion fish > ~/.config/fish/completions/wallify.fish",
}


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(commands, "completion", "print what makes Tab complete commands and options", *_INSTALL.values())
    parser.add_argument("shell", choices=tuple(SHELLS))
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it; `top` is the parser of all commands."""
    print(SHELLS[given.shell](words_of(given.top)))
    return 0
