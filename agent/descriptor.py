"""The first address that a connect string names: EZConnect, a full TNS descriptor, or a name in tnsnames.ora."""

import re
from collections.abc import Iterator
from pathlib import Path

_DEFAULT_PORT = 1521
_CREDENTIAL = re.compile(r"\b\w*(?:password|passwd|pwd)\s*=", re.IGNORECASE)
_HOST = re.compile(r"\(\s*HOST\s*=\s*([^()\s]+)\s*\)", re.IGNORECASE)
_PORT = re.compile(r"\(\s*PORT\s*=\s*(\d{1,5})\s*\)", re.IGNORECASE)
_EZCONNECT = re.compile(
    r"""(?:(?:tcps?|TCPS?):)?(?://)?
        (?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][\w.-]*)(?:[,;][\w.\[\]:,;-]*?)?
        (?::(?P<port>\d{1,5}))?
        (?P<rest>/.*)?""",
    re.VERBOSE,
)
_ALIAS = re.compile(r"[A-Za-z][\w.-]*")
_ENTRY = re.compile(r"^([\w.-]+(?:[ \t]*,[ \t]*[\w.-]+)*)[ \t]*=\s*(?=\()", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#.*$", re.MULTILINE)  # one inside a word is part of a name
IFILE = re.compile(r"^[ \t]*IFILE[ \t]*=[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)


class DescriptorError(ValueError):
    """A connect string without an address; the message names the value and what was expected."""


def check_no_credentials(text: str) -> None:
    """A connect string is stored and shown, so it must not say who logs on; the message does not repeat it."""
    before_address = text.partition("?")[0] if not text.lstrip().startswith("(") else ""
    if "@" in before_address or _CREDENTIAL.search(text):
        raise DescriptorError(
            "it holds a user or a password; expected the address alone, with user and one of password_file, "
            "password_env, password_credential beside it"
        )


def first_address(text: str, config_dir: Path | None = None) -> tuple[str, int]:
    stripped = text.strip()
    if stripped.startswith("("):
        return _of_descriptor(stripped)
    if "/" not in stripped and ":" not in stripped and _ALIAS.fullmatch(stripped):
        return _of_descriptor(_entry(stripped, config_dir))
    return _of_ezconnect(stripped)


def _of_descriptor(text: str) -> tuple[str, int]:
    if text.count("(") != text.count(")"):
        raise DescriptorError(f"`{text[:200]}`; expected as many ) as (")
    host, port = _HOST.search(text), _PORT.search(text)
    if host is None:
        raise DescriptorError(f"`{text[:200]}`; expected an address with (HOST=…)")
    return host[1], int(port[1]) if port else _DEFAULT_PORT


def _of_ezconnect(text: str) -> tuple[str, int]:
    match = _EZCONNECT.fullmatch(text)
    if match is None or not match["rest"]:
        raise DescriptorError(
            f"`{text[:200]}`; expected host[:port]/service, a TNS descriptor or a name in tnsnames.ora"
        )
    return match["host"].strip("[]"), int(match["port"] or _DEFAULT_PORT)


def _entry(alias: str, config_dir: Path | None) -> str:
    if config_dir is None:
        raise DescriptorError(f"`{alias}` is a name in tnsnames.ora; expected config_dir, the folder of that file")
    path = config_dir / "tnsnames.ora"
    try:
        content = path.read_text(errors="replace")
    except OSError as error:
        raise DescriptorError(f"`{alias}`; {path} cannot be read ({error.strerror})") from None
    for names, descriptor in tns_entries(content):
        if alias.lower() in (name.lower() for name in names):
            return descriptor
    raise DescriptorError(f"`{alias}`; expected a name that {path} defines")


def tns_entries(content: str) -> Iterator[tuple[list[str], str]]:
    """Every entry of a tnsnames.ora: its names and its descriptor."""
    plain = _COMMENT.sub("", content)
    for match in _ENTRY.finditer(plain):
        yield [name.strip() for name in match[1].split(",")], _balanced(plain[match.end() :])


def _balanced(text: str) -> str:
    """The text up to the parenthesis that closes its first one."""
    depth = 0
    for index, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return text[: index + 1]
    return text
