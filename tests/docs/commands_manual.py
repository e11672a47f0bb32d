"""The manual pages of both command lines, made from the commands themselves."""

from collections.abc import Iterable
from typing import get_args

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from agent.cli import build
from collector.cli import app

Command = TyperCommand | TyperGroup

_HEAD = """# {program}

Every command explains itself with `--help`. Exit codes: 0 well, 1 a finding or a refusal, 2 usage, 78 configuration.
Settings that flags do not give come from the file and the environment ([settings](settings.md)).

{common}
"""


def agent() -> str:
    return _page("agent")


def collector() -> str:
    return _page("collector")


def root_of(program: str) -> TyperGroup:
    """All commands of `agent` or `collector`."""
    root = get_command(build([]) if program == "agent" else app)
    assert isinstance(root, TyperGroup)
    return root


def _page(which: str) -> str:
    program, root = f"fieldpost-{which}", root_of(which)
    parts = [_HEAD.format(program=program, common=_options(root))]
    parts += [_section(f"{program} {name}", command) for name, command in leaves(root)]
    return "\n".join(parts)


def leaves(command: Command, path: str = "") -> Iterable[tuple[str, Command]]:
    """Every command that can be run, with the words that lead to it."""
    if isinstance(command, TyperCommand):
        yield path, command
        return
    for name, below in sorted(command.commands.items()):
        if not below.hidden and isinstance(below, TyperCommand | TyperGroup):
            yield from leaves(below, f"{path} {name}".strip())


def _section(path: str, command: Command) -> str:
    arguments = [_metavar(one) for one in command.params if isinstance(one, TyperArgument)]
    usage = " ".join([path, *(["[OPTIONS]"] if _shown(command) else []), *arguments])
    text = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
    return f"## {path}\n\n{text}\n\n```\n{usage}\n```\n\n{_options(command)}"


def _metavar(one: TyperArgument) -> str:
    name = (one.metavar or one.name or "").upper()
    name = f"{name.removesuffix('...')}..." if one.nargs == -1 else name
    return name if one.required else f"[{name}]"


def _shown(command: Command) -> list[TyperOption]:
    kept = [one for one in command.params if isinstance(one, TyperOption) and not one.hidden]
    return [one for one in kept if one.name not in {"install_completion", "show_completion"}]


def _options(command: Command) -> str:
    arguments = [one for one in command.params if isinstance(one, TyperArgument) and one.help]
    rows = [f"| `{_metavar(one)}` | {_text(one)} |" for one in arguments]
    rows += [f"| {_names(one)} | {_text(one)} |" for one in _shown(command)]
    return "\n".join(["| option | what it is |", "|---|---|", *rows, ""]) if rows else ""


def _names(one: TyperOption) -> str:
    both = ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
    return both if one.is_flag else f"{both} {_kind(one)}"


def _kind(one: TyperOption) -> str:
    """What goes behind an option: its choices, or what sort of thing it is."""
    annotation = one.type_descriptor.annotation
    choices = get_args(annotation)
    if choices and all(isinstance(choice, str) for choice in choices):
        return " or ".join(f"`{choice}`" for choice in choices)
    return (
        one.metavar or {"int": "NUMBER", "float": "NUMBER", "Path": "PATH"}.get(annotation.__name__, "TEXT")
    ).upper()


def _text(one: TyperOption | TyperArgument) -> str:
    help_text = " ".join((one.help or "").split()).replace("|", "&#124;").replace("<", "&lt;")
    variable = f" Environment: `{one.envvar}`." if isinstance(one.envvar, str) else ""
    default = one.default
    worth_telling = isinstance(default, str | int | float) and not isinstance(default, bool) and default != ""
    usual = f" Default: `{default}`." if worth_telling else ""
    needed = " Needed." if isinstance(one, TyperOption) and one.required else ""
    return f"{help_text}{variable}{usual}{needed}".strip()
