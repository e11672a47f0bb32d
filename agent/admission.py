"""Becoming an agent where no line goes to the collector: a request and its reply are carried as files."""

import socket
from importlib.metadata import version
from pathlib import Path

from agent.enrolment import Enrolled, EnrolmentRefusedError
from agent.host_id import fingerprint
from agent.identity import (
    Enrolment,
    enrolling_key,
    load_or_make_key,
    save_enrolment,
    settle,
    usable_state_dir,
    waiting_keys,
)
from common import admission
from common.admission import MAX_FILE, AdmissionError, Reply
from common.clock import Now, utc_now
from common.errors import ConfigurationError
from common.identity import write_private


def write_request(state_dir: Path, file: Path, *, name: str, new_key: bool = False, now: Now = utc_now) -> str:
    """Make a key and a request that is signed by it; the key's id. Repeated, it is the same key."""
    usable_state_dir(state_dir)
    key = enrolling_key(state_dir) if new_key else load_or_make_key(state_dir)
    content = admission.request_file(
        key, name=name, hostname=socket.gethostname()[:255], version=version("fieldpost"), host=fingerprint(), at=now()
    )
    try:
        write_private(file, content)
    except OSError as error:
        raise ConfigurationError(f"request: `{file}` cannot be written ({error.strerror})") from None
    return key.key_id


def read_reply(file: Path) -> Reply:
    """What the collector has answered; `EnrolmentRefusedError` for a file that is no such thing."""
    try:
        content = file.read_bytes()[: MAX_FILE + 1]
    except OSError as error:
        raise ConfigurationError(f"reply: `{file}` cannot be read ({error.strerror})") from None
    if len(content) > MAX_FILE:
        raise EnrolmentRefusedError(f"reply: `{file}` is larger than a reply may be ({MAX_FILE} bytes)")
    try:
        return admission.read_reply(content)[0]
    except AdmissionError as error:
        raise EnrolmentRefusedError(f"reply: `{file}`: {error}") from None


def take_reply(state_dir: Path, reply: Reply) -> Enrolled:
    """Be the agent that the reply names, if it answers a request of this host; may be repeated."""
    settle(state_dir)
    if reply.key_id not in waiting_keys(state_dir):
        raise EnrolmentRefusedError(
            f"reply: it answers the request of the key {reply.key_id[:12]}, which is not this host's; expected the "
            "reply to the request that `enroll --request` wrote here last"
        )
    enrolment = Enrolment(
        reply.agent, reply.tenant, reply.name, reply.url, "active", reply.ca_pem, reply.collector_key, reply.key_id
    )
    save_enrolment(state_dir, enrolment)
    settle(state_dir)
    return Enrolled(enrolment, again=reply.again)
