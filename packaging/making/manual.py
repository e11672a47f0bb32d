"""Manual pages: roff written from the commands."""

import gzip
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from making.commands import Command, Parameter
from making.targets import Program

_FILES = {
    "agent": (
        ("/etc/fieldpost-agent/agent.toml", "settings; see docs/settings.md"),
        ("/etc/fieldpost-agent/credentials/", "secrets that the service manager hands to the agent, one file each"),
        ("/var/lib/fieldpost-agent/", "key, spool, connections and the last good assignment"),
        ("/opt/fieldpost/agent/current", "the version that runs; the one before is beside it"),
    ),
    "collector": (
        ("/etc/fieldpost-collector/collector.toml", "settings; see docs/settings.md"),
        ("/etc/fieldpost-collector/credentials/", "secrets that the service manager hands to the collector"),
        ("/var/lib/fieldpost-collector/", "database, certificates, keys and the control socket"),
        ("/opt/fieldpost/collector/current", "the version that runs; the one before is beside it"),
    ),
}
_SPECIAL = re.compile(r"[^\x00-\x7f]")
_EXITS = (
    ("0", "well"),
    ("1", "a finding or a refusal"),
    ("2", "wrong usage"),
    ("78", "a configuration that cannot be used"),
)


def page(root: Command, program: Program, *, version: str, epoch: int) -> str:
    """The whole page of one program."""
    day = datetime.fromtimestamp(epoch, UTC).date().isoformat()
    other = "collector" if program.name == "agent" else "agent"
    lines = [
        f'.TH {program.package.upper()} 1 "{day}" "Fieldpost {version}" "Fieldpost"',
        *(".nh", ".ad l"),
        ".SH NAME",
        rf"{program.package} \- {_text(program.summary)}",
        ".SH SYNOPSIS",
        rf".B {program.package}",
        r"[\fIOPTION\fR]... \fICOMMAND\fR [\fIARGUMENT\fR]...",
        ".SH DESCRIPTION",
        _text(program.description),
        ".SH OPTIONS",
        *_parameters(root),
        ".SH COMMANDS",
    ]
    for command in root.every():
        if not command.children:
            lines += _command(command)
    lines += [".SH FILES", *_terms(_FILES[program.name]), ".SH EXIT STATUS", *_terms(_EXITS)]
    lines += [".SH ENVIRONMENT", "Every setting can be given as a variable: its name in capitals behind"]
    lines += [r".BR FIELDPOST_ ,", r"such as \fBFIELDPOST_LOG_LEVEL\fR.", ".SH SEE ALSO"]
    lines += [rf".BR fieldpost\-{other} (1),", ".BR systemd.service (5)"]
    return "\n".join(lines) + "\n"


def packed(text: str) -> bytes:
    """As manuals are installed; the same text gives the same bytes."""
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb", compresslevel=9, mtime=0, filename="") as file:
        file.write(text.encode())
    return target.getvalue()


def _command(command: Command) -> Iterator[str]:
    arguments = " ".join(rf"\fI{_text(one.value)}\fR" for one in command.arguments)
    shown = rf"\fB{_text(' '.join(command.words[1:]))}\fR"
    yield f".SS {shown} {arguments}".rstrip()
    yield _text(command.help)
    yield from _parameters(command)


def _parameters(command: Command) -> Iterator[str]:
    for one in command.parameters:
        if one.flags or one.help or one.choices:
            yield from (".TP", _heading(one), _text(_explained(one)))


def _heading(one: Parameter) -> str:
    value = rf" \fI{_text(one.value)}\fR" if one.value else ""
    if not one.flags:
        return value.strip()
    return ", ".join(rf"\fB{_text(flag)}\fR" for flag in one.flags) + value


def _explained(one: Parameter) -> str:
    parts = [one.help or "See above."]
    if one.choices:
        parts.append(f"One of {', '.join(one.choices)}.")
    if one.required and one.flags:
        parts.append("Required.")
    return " ".join(parts)


def _terms(rows: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for term, text in rows:
        yield from (".TP", rf"\fB{_text(term)}\fR", _text(text[:1].upper() + text[1:] + "."))


def _text(text: str) -> str:
    """Text as roff takes it: backslashes and hyphens as they are, no line that looks like a request."""
    plain = text.replace("\\", r"\e").replace("-", r"\-")
    escaped = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", _SPECIAL.sub(lambda found: rf"\[u{ord(found[0]):04X}]", plain))
    return r"\&" + escaped if escaped.startswith((".", "'")) else escaped
