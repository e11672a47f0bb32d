"""Who this agent is: its key, the collector it belongs to and the CA it pinned, as files of its state folder."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from agent.host_id import forget_parked
from common.errors import ConfigurationError
from common.identity import NOWHERE, Origin, PrivateKey, sync_folder, write_private

KEY_FILE = "agent.key"
CANDIDATE_FILE = "agent.key.candidate"
ENROLLING_FILE = "agent.key.enrolling"
IDENTITY_FILE = "identity.json"
_ID_DIGITS = 12
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Enrolment(msgspec.Struct, frozen=True):
    """What enrolment left on disk. `ca_pem` is None where the system's trust store is used, or plain HTTP.

    `url` is "" where nothing but files goes to the collector; `collector_key`: by which it signs those, "" until it
    has said so; `key_id`: which key was enrolled; `announced`: the authorities of `ca_pem` that the collector named;
    `token`: digest of the enrolment token that was used.
    """

    agent: str
    tenant: str
    name: str
    url: str
    state: Literal["active", "pending"]
    ca_pem: str | None = None
    collector_key: str = ""
    key_id: str = ""
    announced: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """All that it takes to speak as this agent."""

    agent: str
    url: str
    key: PrivateKey
    ca_pem: str | None
    origin: Origin = NOWHERE


def load_or_make_key(state_dir: Path) -> PrivateKey:
    """The agent's key; made, durably and readable by its owner alone, when there is none. Never replaced."""
    settle(state_dir)
    return _made(state_dir / KEY_FILE)


def current_key(state_dir: Path) -> PrivateKey:
    """The agent's key, which is there."""
    return _load_key(state_dir / KEY_FILE)


def key_made_at(state_dir: Path) -> datetime:
    """When the agent's key was made: its file is never written again, only renamed."""
    return datetime.fromtimestamp((state_dir / KEY_FILE).stat().st_mtime, UTC)


def enrolling_key(state_dir: Path) -> PrivateKey:
    """A new key that takes the place of the agent's once an enrolment with it is on disk."""
    return _made(state_dir / ENROLLING_FILE)


def waiting_keys(state_dir: Path) -> set[str]:
    """The ids of the keys with which this host may have asked to be an agent."""
    paths = (state_dir / KEY_FILE, state_dir / ENROLLING_FILE)
    return {_load_key(path).key_id for path in paths if path.exists()}


def candidate_key(state_dir: Path) -> PrivateKey:
    """A second key, durable before it is offered to the collector; the first stays in use until it is promoted."""
    return _made(state_dir / CANDIDATE_FILE)


def waiting_candidate(state_dir: Path) -> PrivateKey | None:
    """The second key that a change of keys has left, as long as that is not over."""
    path = state_dir / CANDIDATE_FILE
    return _load_key(path) if path.exists() else None


def promote_candidate(state_dir: Path) -> None:
    """The second key becomes the agent's; there is a key at every moment."""
    _replace_key(state_dir, state_dir / CANDIDATE_FILE)


def drop_candidate(state_dir: Path) -> None:
    (state_dir / CANDIDATE_FILE).unlink(missing_ok=True)


def settle(state_dir: Path) -> None:
    """Put the key in its place that was enrolled last; a crash may have come before."""
    path = state_dir / ENROLLING_FILE
    enrolment = load_enrolment(state_dir) if path.exists() else None
    if enrolment is not None and enrolment.key_id == _load_key(path).key_id:
        drop_candidate(state_dir)  # it would have replaced the key that is not ours any more
        forget_parked(state_dir)
        _replace_key(state_dir, path)


def _replace_key(state_dir: Path, new: Path) -> None:
    """The new file takes the name; the one before is kept under another, the newest of them only."""
    path = state_dir / KEY_FILE
    if path.exists():
        aside = path.with_name(f"{KEY_FILE}.{_load_key(path).key_id[:_ID_DIGITS]}")
        aside.unlink(missing_ok=True)
        aside.hardlink_to(path)
        for old in state_dir.glob(f"{KEY_FILE}.{'[0-9a-f]' * _ID_DIGITS}"):
            if old != aside:
                old.unlink()
    new.replace(path)
    sync_folder(state_dir)


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


def load_identity(state_dir: Path, *, url: str | None = None, origin: Origin = NOWHERE) -> Identity:
    """Who to speak as, for the daemon; `url` is where the collector is now, if it has moved."""
    settle(state_dir)
    enrolment = load_enrolment(state_dir)
    path = state_dir / KEY_FILE
    if enrolment is None or not path.exists():
        raise ConfigurationError(f"{state_dir}: this agent is not enrolled; run `fieldpost-agent enroll --url …` first")
    return Identity(enrolment.agent, url or enrolment.url, _load_key(path), enrolment.ca_pem, origin)


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
