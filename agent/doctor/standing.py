"""Whether the collector knows this agent, from its answer to a signed request."""

import asyncio
from http import HTTPStatus

from agent.doctor.ground import UNIT, Ground, command
from agent.enrolment import ASSIGNMENT_PATH, CA_PATH
from agent.host_id import is_parked, origin
from agent.identity import CANDIDATE_FILE, KEY_FILE, Enrolment, Identity
from agent.link import Link, LinkDownError, Reply
from common.checkup import Finding, untold, unwell, well
from common.errors import ConfigurationError
from common.identity import NOWHERE, PrivateKey

_SECONDS = 20.0

ENROL = command("enroll --url https://COLLECTOR:8443 --ca-pin sha256:… --token-file FILE")
_ISSUE = "fieldpost-collector agent token --tenant TENANT   # on the collector: a token for a new start\n"
_ANEW = "fieldpost-agent enroll --url https://… --token-file FILE --new-key"
_LIST = "fieldpost-collector agent list --tenant TENANT   # on the collector\n"
_AGAIN = "fieldpost-collector agent token --tenant TENANT --agent AGENT   # on the collector: as the same agent\n"
_PARKED = "fieldpost-collector agent parked --tenant TENANT   # on the collector: which one goes on?\n"
_ACCEPT = "fieldpost-collector agent accept --tenant TENANT AGENT --instance INSTANCE   # when it is this one\n"
_APPROVE = "fieldpost-collector agent approve --tenant TENANT AGENT"
_MEANS = {
    "unknown_agent": "the collector does not know this agent, or nobody has approved it yet",
    "pending": "an operator has to approve this agent first",
    "revoked": "this agent was revoked at the collector; its key and its spool stay",
    "key_unknown": "the collector knows this agent under another key: its state folder was restored or copied",
    "bad_signature": "the collector cannot verify what this agent signs",
    "clock_skew": "the clocks of both hosts differ too much",
    "identity_conflict": "this agent is parked: another machine speaks with its key, as a clone does; nothing is lost",
    "tenant_suspended": "the tenant of this agent is suspended",
}
_MENDS = {
    "unknown_agent": f"{_LIST}{_APPROVE}   # when it is pending",
    "pending": f"{_APPROVE}   # on the collector",
    "revoked": f"{_ISSUE}{_ANEW}",
    "key_unknown": f"{_AGAIN}{_ANEW}",
    "bad_signature": f"curl -v https://COLLECTOR{CA_PATH}   # does a proxy between change requests?",
    "clock_skew": "timedatectl set-ntp true",
    "identity_conflict": f"{_PARKED}{_ACCEPT}{_ANEW}   # on the clone: it becomes an agent of its own",
    "tenant_suspended": "fieldpost-collector tenant list   # on the collector",
}


def known(ground: Ground, enrolment: Enrolment | None, url: str) -> Finding:
    """Ask it, signed, what it has for this agent; nothing changes by that."""
    if enrolment is None or not (ground.state / KEY_FILE).exists():
        return unwell("enrolment", "this agent is not enrolled", ENROL)
    try:
        reply = asyncio.run(_asked(ground, enrolment, url))
    except ConfigurationError as error:
        return untold("enrolment", str(error))
    except LinkDownError as error:
        return untold("enrolment", f"{url} did not answer a signed request: {error}", f"curl -kv {url}{CA_PATH}")
    changing = reply.error and reply.error.code == "key_unknown" and (ground.state / CANDIDATE_FILE).exists()
    if changing:  # its first use would end the change, and that is the agent's to do
        return untold(
            "enrolment", "a change of the key is under way, which the agent ends", f"systemctl restart {UNIT}"
        )
    return judge(enrolment, reply)


async def _asked(ground: Ground, enrolment: Enrolment, url: str) -> Reply:
    """Not as a start of the agent, which would look like a clone; as the parked one where this machine is parked."""
    here = origin(ground.state) if is_parked(ground.state) else NOWHERE
    identity = Identity(enrolment.agent, url, _key(ground), enrolment.ca_pem, here)
    async with Link(identity, way=ground.settings.way) as link:
        reply = await link.request("GET", ASSIGNMENT_PATH, deadline_s=_SECONDS)
        if reply.error and reply.error.code == "clock_skew":  # once more with the collector's time
            reply = await link.request("GET", ASSIGNMENT_PATH, deadline_s=_SECONDS)
        return reply


def _key(ground: Ground) -> PrivateKey:
    """As it lies there: a change that a crash cut short is the agent's to end."""
    path = ground.state / KEY_FILE
    try:
        return PrivateKey.load(path)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be used as this agent's key ({error})") from None


def judge(enrolment: Enrolment, reply: Reply) -> Finding:
    """Pure: what the collector's answer to a signed request means."""
    if reply.status in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
        return well("enrolment", f"{enrolment.url} knows this agent as {enrolment.agent}")
    code = reply.error.code if reply.error else ""
    if code == "unknown_agent" and enrolment.state == "pending":
        code = "pending"
    if code in _MEANS:
        mend = _MENDS[code].replace("AGENT", enrolment.agent).replace("TENANT", enrolment.tenant)
        return unwell("enrolment", f"{_MEANS[code]} ({reply.why()})", mend)
    return untold(
        "enrolment", f"the collector answers {reply.why()}", "fieldpost-collector doctor   # on the collector"
    )
