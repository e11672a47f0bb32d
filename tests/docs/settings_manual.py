"""The manual's table of settings, made from the settings themselves: `make manual` writes it."""

import sys
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from agent.settings import Settings as AgentSettings
from collector.core.settings import Settings as CollectorSettings
from common.settings import ENV_PREFIX, Settings

PATH = Path(__file__).parents[2] / "docs" / "settings.md"
HEAD = """# Settings

Both programs read a TOML file (`--config FILE`), then the environment, then flags; what comes later wins. A key that
does not exist is an error that names it. Secrets are never flags: they come from files, the environment or systemd
credentials. The variable of a setting is its name in capitals behind `FIELDPOST_`, such as `FIELDPOST_LOG_LEVEL`.
"""


def manual() -> str:
    parts = [HEAD, _table("Agent", AgentSettings), _table("Collector", CollectorSettings)]
    return "\n".join(parts)


def _table(title: str, settings: type[Settings]) -> str:
    rows = [f"| `{name}` | {_default(field)} | {field.description} |" for name, field in settings.model_fields.items()]
    return "\n".join([f"## {title}", "", "| setting | default | what it is |", "|---|---|---|", *rows, ""])


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined or field.default in (None, ""):
        return ""
    return f"`{field.default}`"


def undescribed() -> list[str]:
    return [
        ENV_PREFIX + name.upper()
        for settings in (AgentSettings, CollectorSettings)
        for name, field in settings.model_fields.items()
        if not field.description
    ]


if __name__ == "__main__":
    PATH.write_text(manual())
    print(f"wrote {PATH.name}", file=sys.stderr)
