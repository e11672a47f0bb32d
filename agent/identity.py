"""Who this agent is: its key, the collector it belongs to and the CA it pinned, as files of its state folder."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from common.errors import ConfigurationError
from common.identity import PrivateKey, write_private

KEY_FILE = "agent.key"
CANDIDATE_FILE = "agent.key.candidate"
IDENTITY_FILE = "identity.json"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Enrolment(msgspec.Struct, frozen=True):
    """What enrolment left on disk. `ca_pem` is None where the system's trust store is used, or plain HTTP.

    `url` is "" where nothing but files goes to the collector; `collector_key`: by which it signs those, "" until it
    has said so.
    """

    agent: str
    tenant: str
    name: str
    url: str
    state: Literal["active", "pending"]
    ca_pem: str | None = None
    collector_key: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """All that it takes to speak as this agent."""

    agent: str
    url: str
    key: PrivateKey
    ca_pem: str | None


def load_or_make_key(state_dir: Path) -> PrivateKey:
    """The agent's key; made, durably and readable by its owner alone, when there is none. Never replaced."""
    path, candidate = state_dir / KEY_FILE, state_dir / CANDIDATE_FILE
    if not path.exists() and candidate.exists():  # a crash came between the two renames of `promote_candidate`
        candidate.rename(path)
    return _made(path)


def candidate_key(state_dir: Path) -> PrivateKey:
    """A second key, durable before it is offered to the collector; the first stays in use until it is promoted."""
    return _made(state_dir / CANDIDATE_FILE)


def promote_candidate(state_dir: Path) -> None:
    """The second key becomes the agent's; the first is kept under another name."""
    path = state_dir / KEY_FILE
    if path.exists():
        path.rename(path.with_name(f"{KEY_FILE}.{_load_key(path).key_id[:12]}"))
    (state_dir / CANDIDATE_FILE).rename(path)


def _made(path: Path) -> PrivateKey:
    if not path.exists():
        PrivateKey.generate().save(path)
    return _load_key(path)


def save_enrolment(state_dir: Path, enrolment: Enrolment) -> None:
    write_private(state_dir / IDENTITY_FILE, msgspec.json.format(msgspec.json.encode(enrolment)) + b"\n")


def load_enrolment(state_dir: Path) -> Enrolment | None:
    path = state_dir / IDENTITY_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Enrolment)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigurationError(
            f"{path}: cannot be used ({error}); expected what `fieldpost-agent enroll` wrote"
        ) from None


def load_identity(state_dir: Path, *, url: str | None = None) -> Identity:
    """Who to speak as, for the daemon; `url` is where the collector is now, if it has moved."""
    enrolment = load_enrolment(state_dir)
    path = state_dir / KEY_FILE
    if enrolment is None or not path.exists():
        raise ConfigurationError(f"{state_dir}: this agent is not enrolled; run `fieldpost-agent enroll --url …` first")
    return Identity(enrolment.agent, url or enrolment.url, _load_key(path), enrolment.ca_pem)


def _load_key(path: Path) -> PrivateKey:
    try:
        return PrivateKey.load(path)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be used as this agent's key ({error})") from None


def usable_state_dir(state_dir: Path) -> Path:
    """The state folder, made if need be with mode 0700."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigurationError(f"state_dir: `{state_dir}` cannot be made ({error.strerror})") from None
    if not os.access(state_dir, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"state_dir: `{state_dir}` cannot be written by this user; expected a folder of its own"
        )
    return state_dir


def usable_url(text: str) -> str:
    """A usable collector URL without its trailing slash; plain HTTP is for loopback alone."""
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError(f"`{text}`; expected https://host[:port]")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError(f"`{text}`; expected https, plain http is for a collector on this host only")
    return text.rstrip("/")
