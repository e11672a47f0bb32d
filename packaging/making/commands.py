"""The commands of both programs as data, read from what typer makes of them."""

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast, get_args

import typer.main


@dataclass(frozen=True, slots=True)
class Parameter:
    """An option, or an argument when it has no flags."""

    flags: tuple[str, ...]
    value: str
    help: str
    required: bool
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A command or a group of them; `words` is how it is called."""

    words: tuple[str, ...]
    help: str
    parameters: tuple[Parameter, ...]
    children: tuple["Command", ...]

    @property
    def options(self) -> tuple[Parameter, ...]:
        return tuple(one for one in self.parameters if one.flags)

    @property
    def arguments(self) -> tuple[Parameter, ...]:
        return tuple(one for one in self.parameters if not one.flags)

    def every(self) -> Iterator["Command"]:
        """This command and all below it, as they stand in the tree."""
        yield self
        for child in self.children:
            yield from child.every()


def of_program(program: str) -> Command:
    """The whole command line of `agent` or `collector`."""
    module = importlib.import_module(f"{program}.cli")
    app = module.build([]) if program == "agent" else module.app
    return _command((f"fieldpost-{program}",), typer.main.get_command(app))


def _command(words: tuple[str, ...], found: object) -> Command:
    command = cast("Any", found)  # typer carries a click of its own, whose types it does not publish
    children = getattr(command, "commands", {})
    return Command(
        words=words,
        help=_plain(command.help),
        parameters=tuple(_parameter(one) for one in command.params if not getattr(one, "hidden", False)),
        children=tuple(_command((*words, name), child) for name, child in sorted(children.items()) if not child.hidden),
    )


def _parameter(found: object) -> Parameter:
    one = cast("Any", found)
    is_option = one.param_type_name == "option"
    flags = tuple(sorted((*one.opts, *one.secondary_opts), key=lambda flag: (len(flag) > 2, flag))) if is_option else ()  # noqa: PLR2004 - `-h` before `--help`
    takes_value = not (is_option and one.is_flag)
    return Parameter(
        flags=flags,
        value=(one.metavar or one.name.strip("_")).upper().replace("_", "-") if takes_value else "",
        help=_plain(getattr(one, "help", "")),
        required=bool(one.required),
        choices=tuple(_choices(one.type_descriptor.annotation)),
    )


def _choices(annotation: object) -> Iterator[str]:
    """The words of a `Literal`, also where it may be left out."""
    for one in get_args(annotation):
        if isinstance(one, str):
            yield one
        else:
            yield from _choices(one)


def _plain(text: str | None) -> str:
    return re.sub(r"\s+", " ", (text or "").replace("``", "`")).strip()
