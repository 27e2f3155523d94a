"""`wallify completion`: a completion script for bash, zsh or fish, made from the parsers."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cli.commands.parser import Commands, add_command


@dataclass(frozen=True)
class Word:
    """Possible next word, with its help."""

    word: str
    does: str


Words = Mapping[str, tuple[Word, ...]]
"""Possible next words, by the commands before them, such as `images delete`."""


def words_of(parser: argparse.ArgumentParser) -> Words:
    """Return the words of a parser and all its commands."""
    return dict(_walk(parser, ""))


def _walk(parser: argparse.ArgumentParser, at: str) -> Iterator[tuple[str, tuple[Word, ...]]]:
    yield at, tuple(_next(parser))
    for name, below in _commands(parser).items():
        yield from _walk(below, f"{at} {name}".strip())


def _next(parser: argparse.ArgumentParser) -> Iterator[Word]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to look at a parser
        if action.option_strings:
            yield Word(max(action.option_strings, key=len), _plain(action.help))
        elif isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            yield from (Word(one.dest, _plain(one.help)) for one in action._choices_actions)  # noqa: SLF001 - as above
        elif action.choices:
            yield from (Word(str(choice), "") for choice in action.choices)


def _commands(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    found = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]  # noqa: SLF001 - as above
    return found[0].choices if found else {}


def _plain(help_: str | None) -> str:
    return "".join(char for char in help_ or "" if char not in "'\"`:[]$\\")


def bash(words: Words) -> str:
    """Return the script for bash 4 or newer."""
    cases = "\n".join(f'    "{at}") next="{" ".join(one.word for one in after)}" ;;' for at, after in words.items())
    return _BASH.replace("CASES", cases)


def zsh(words: Words) -> str:
    """Return the script for zsh, with the help of each word."""
    cases = "\n".join(
        f'    "{at}") next=({" ".join(f"{chr(39)}{one.word}:{one.does}{chr(39)}" for one in after)}) ;;'
        for at, after in words.items()
    )
    return _ZSH.replace("CASES", cases)


def fish(words: Words) -> str:
    """Return the script for fish, with the help of each word."""
    known = " ".join(f'"{at}"' for at in words if at)
    lines = [
        f"complete -c wallify -n '__wallify_at \"{at}\"' -a '{one.word}' -d '{one.does}'"
        for at, after in words.items()
        for one in after
    ]
    return "\n".join((_FISH.replace("KNOWN", known), *lines))


SHELLS: Final[Mapping[str, Callable[[Words], str]]] = {"bash": bash, "zsh": zsh, "fish": fish}

# Earlier words count while they are commands, up to the first option or other word.
_BASH = """# wallify's completion for bash
_wallify() {
  local at="" word next known
  next_of() { case "$1" in
CASES
    *) return 1 ;;
  esac; }
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    known="${at:+$at }$word"
    case "$word" in -*) continue ;; esac
    if next_of "$known"; then at="$known"; fi
  done
  next_of "$at"
  COMPREPLY=($(compgen -W "$next" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o bashdefault -o default -F _wallify wallify ./wallify"""

_ZSH = """#compdef wallify ./wallify
# wallify's completion for zsh
_wallify_next() {
  case "$1" in
CASES
    *) return 1 ;;
  esac
}
_wallify() {
  local at="" word
  local -a next
  for word in "${(@)words[2,CURRENT-1]}"; do
    [[ "$word" == -* ]] && continue
    _wallify_next "${at:+$at }$word" && at="${at:+$at }$word"
  done
  _wallify_next "$at"
  _describe -t words wallify next
  _files
}
# Loaded from fpath, this file is the function's first call; sourced, it only has to be made known.
if [[ "$funcstack[1]" == _wallify ]]; then _wallify "$@"; else compdef _wallify wallify ./wallify; fi"""

_FISH = """# wallify's completion for fish
function __wallify_at
    set -l known KNOWN
    set -l at
    for word in (commandline -opc)[2..]
        set -l longer (string join " " $at $word)
        contains -- $longer $known; and set at $longer
    end
    test "$at" = "$argv[1]"
end"""


_INSTALL = {
    "bash": "completion bash > ~/.local/share/bash-completion/completions/wallify",
    "zsh": "completion zsh > ~/.zfunc/_wallify    # and fpath+=~/.zfunc in ~/.zshrc",
    "fish": "completion fish > ~/.config/fish/completions/wallify.fish",
}


def register(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(commands, "completion", "print the completion script of a shell", *_INSTALL.values())
    parser.add_argument("shell", choices=tuple(SHELLS), help="the shell")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Print the script; `top` is the parser of all commands."""
    print(SHELLS[given.shell](words_of(given.top)))
    return 0
