"""Completion for bash and zsh: static words, so that pressing TAB starts no program."""

from collections.abc import Iterator

from making.commands import Command

_BASH = """# bash completion of {name}; made with the package
_{function}() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" at="{name}" one words
    for one in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$at $one" in
{paths}
        esac
    done
    case "$at $before" in
{values}
    esac
    case "$at" in
{words}
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}}
complete -o default -F _{function} {name}
"""

_ZSH = """#compdef {name}
# zsh completion of {name}; made with the package
local at="{name}" one
local -a found
for one in "${{(@)words[2,CURRENT-1]}}"; do
    case "$at $one" in
{paths}
    esac
done
case "$at ${{words[CURRENT-1]}}" in
{values}
esac
case "$at" in
{words}
esac
compadd -- $found || _files
"""


def bash(root: Command) -> str:
    name = root.words[0]
    return _BASH.format(
        name=name,
        function=name.replace("-", "_"),
        paths="\n".join(_paths(root, indent=12)),
        values="\n".join(_values(root, '{} mapfile -t COMPREPLY < <(compgen -W "{}" -- "$word"); return ;;', indent=8)),
        words="\n".join(_words(root, '"{}") words="{}" ;;', indent=8)),
    )


def zsh(root: Command) -> str:
    return _ZSH.format(
        name=root.words[0],
        paths="\n".join(_paths(root, indent=8)),
        values="\n".join(_values(root, "{} compadd -- {}; return ;;", indent=4)),
        words="\n".join(_words(root, '"{}") found=({}) ;;', indent=4)),
    )


def _paths(root: Command, *, indent: int) -> Iterator[str]:
    """How far the words typed so far lead into the tree."""
    calls = [" ".join(command.words) for command in root.every() if command is not root]
    alternatives = " | ".join(f'"{call}"' for call in calls)
    yield f'{" " * indent}{alternatives}) at="$at $one" ;;'


def _values(root: Command, form: str, *, indent: int) -> Iterator[str]:
    """What may follow a flag, where that is a choice."""
    for command in root.every():
        for one in command.options:
            if one.choices:
                calls = " | ".join(f'"{" ".join(command.words)} {flag}"' for flag in one.flags)
                yield " " * indent + form.format(calls + ")", " ".join(one.choices))


def _words(root: Command, form: str, *, indent: int) -> Iterator[str]:
    for command in root.every():
        names = [child.words[-1] for child in command.children]
        flags = [flag for one in command.options for flag in one.flags if flag.startswith("--")]
        choices = [choice for one in command.arguments for choice in one.choices]
        yield " " * indent + form.format(" ".join(command.words), " ".join((*names, *choices, *flags, "--help")))
