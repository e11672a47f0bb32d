"""The manual's table of settings, made from the settings themselves."""

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from agent.settings import Settings as AgentSettings
from collector.core.settings import Settings as CollectorSettings
from common.settings import ENV_PREFIX, Settings

SETTINGS: tuple[type[Settings], ...] = (AgentSettings, CollectorSettings)
HEAD = """# Settings

Both programs read a TOML file (`--config FILE`), then the environment, then flags; what comes later wins. A key that
does not exist is an error that names it. Secrets are never flags: they come from files, the environment or systemd
credentials. The variable of a setting is its name in capitals behind `FIELDPOST_`, such as `FIELDPOST_LOG_LEVEL`.
"""


VARIABLES = {
    "FIELDPOST_CONFIG": "the settings file, as `--config`",
    "FIELDPOST_ENROL_TOKEN": "the enrolment token, for `fieldpost-agent enroll` without `--token-file`",
    "STATE_DIRECTORY, CONFIGURATION_DIRECTORY, CREDENTIALS_DIRECTORY": "set by systemd: the agent's folders",
    "NOTIFY_SOCKET, WATCHDOG_USEC": "set by systemd: where a service says that it is up and alive",
}
"""What is read from the environment and is no setting."""


def manual() -> str:
    others = [f"| {', '.join(f'`{one}`' for one in names.split(', '))} | {text} |" for names, text in VARIABLES.items()]
    more = ["## Other variables", "", "| variable | what it is |", "|---|---|", *others, ""]
    return "\n".join([HEAD, _table("Agent", AgentSettings), _table("Collector", CollectorSettings), *more])


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
        for settings in SETTINGS
        for name, field in settings.model_fields.items()
        if not field.description
    ]
