"""The settings files that are installed: every setting with what it is, and none of them set."""

import textwrap
from collections.abc import Iterator
from pathlib import PurePath

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from agent.settings import Settings as AgentSettings
from collector.core.settings import Settings as CollectorSettings
from common.settings import Settings

_KINDS: dict[str, type[Settings]] = {"agent": AgentSettings, "collector": CollectorSettings}
_HEAD = """# Settings of fieldpost-{program}. Every line is a comment: what stands here is what holds without it.
# An unknown key is an error that names it. Secrets do not belong here but into credentials/ beside this file.
# After a change: systemctl restart fieldpost-{program}
"""


def settings_file(program: str) -> str:
    """The file of one program, from its settings."""
    fields = _KINDS[program].model_fields.items()
    return _HEAD.format(program=program) + "".join(
        "\n" + "\n".join(_lines(name, field)) + "\n" for name, field in fields
    )


def _lines(name: str, field: FieldInfo) -> Iterator[str]:
    yield from textwrap.wrap(
        field.description or "", 116, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
    )
    yield f"#{name} = {_value(field)}"


def _value(field: FieldInfo) -> str:
    if field.default is PydanticUndefined or field.default is None:
        return '"..."'  # nothing, or worked out at the start
    return toml(field.default)


def toml(value: object) -> str:
    """A default as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(toml(one) for one in value)}]"
    if isinstance(value, str | PurePath):
        return f'"{value}"'
    raise TypeError(f"{value!r}: no way to write it as TOML is known")
