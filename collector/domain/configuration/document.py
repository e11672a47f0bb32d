"""The file: thresholds, webhooks, channels and alert rules of a tenant, by name; never a secret, never an id."""

import tomllib
from typing import Any, Literal

import msgspec
import tomli_w

from collector.core.problems import Refusal
from collector.domain.notifications.hours import Digest, Hours
from collector.domain.notifications.rules import SEVERITIES, Severity

MAX_BYTES = 1024 * 1024


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One thing that is configured; `title` is what tells it from others of its section."""

    @property
    def title(self) -> str:
        return str(getattr(self, "name", ""))


class Threshold(Entry, frozen=True):
    """For the tenant, or for a `tag`, or for the `connection` of this name."""

    check: str
    tag: str | None = None
    connection: str | None = None
    enabled: bool | None = None
    interval_s: int | None = None
    warning: float | None = None
    critical: float | None = None

    @property
    def title(self) -> str:
        if self.connection is not None:
            return f"{self.check} on {self.connection}"
        return self.check if self.tag is None else f"{self.check} for tag {self.tag}"


class Webhook(Entry, frozen=True):
    name: str
    url: str
    events: tuple[str, ...] = ()
    paused: bool = False


class Email(Entry, frozen=True):
    name: str
    to: tuple[str, ...]
    paused: bool = False


class Syslog(Entry, frozen=True):
    name: str
    host: str
    port: int = 6514
    transport: Literal["udp", "tcp", "tls"] = "tls"
    paused: bool = False


class Rule(Entry, frozen=True):
    """`channels` and `escalate_to` name webhooks, e-mail and syslog channels."""

    name: str
    channels: tuple[str, ...]
    severities: tuple[Severity, ...] = SEVERITIES
    tags: tuple[str, ...] = ()
    hours: Hours | None = None
    quiet: Hours | None = None
    digest: Digest | None = None
    repeat_s: int | None = None
    escalate_after_s: int | None = None
    escalate_to: tuple[str, ...] = ()
    resolved: bool = True
    enabled: bool = True


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything in one file; a section is a list of tables such as `[[webhook]]`."""

    version: Literal[1] = 1
    threshold: tuple[Threshold, ...] = ()
    webhook: tuple[Webhook, ...] = ()
    email: tuple[Email, ...] = ()
    syslog: tuple[Syslog, ...] = ()
    rule: tuple[Rule, ...] = ()


SECTIONS = ("threshold", "webhook", "email", "syslog", "rule")


def read(text: str) -> Document:
    """Read a file; `Refusal` names the place of what cannot be used."""
    try:
        document = msgspec.convert(tomllib.loads(text), Document)
    except tomllib.TOMLDecodeError as error:
        raise Refusal(f"not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise Refusal(str(error).replace("Object", "table").replace("`$.", "`")) from None
    for section in SECTIONS:
        _once(section, [entry.title for entry in getattr(document, section)])
    return document


def write(document: Document) -> str:
    """The file; what is at its default is left out."""
    plain: dict[str, Any] = msgspec.to_builtins(document)
    filled = {name: _without_nulls(value) for name, value in plain.items() if value}
    return tomli_w.dumps(filled)


def _once(section: str, titles: list[str]) -> None:
    for place, title in enumerate(titles):
        if title in titles[:place]:
            raise Refusal(f"{section}[{place}]: {title!r} stands twice; expected each once")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_without_nulls(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return value
