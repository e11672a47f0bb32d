"""Whether the collector knows this agent, from its answer to a signed request."""

import asyncio
from http import HTTPStatus

from agent.doctor.ground import Ground, command
from agent.enrolment import CA_PATH, state_at_collector
from agent.identity import KEY_FILE, Enrolment
from agent.link import LinkDownError, Reply
from common.checkup import Finding, untold, unwell, well
from common.errors import ConfigurationError

ENROL = command("enroll --url https://COLLECTOR:8443 --ca-pin sha256:… --token-file FILE")
_ISSUE = "fieldpost-collector agent token --tenant TENANT   # on the collector: a token for a new start\n"
_ANEW = "fieldpost-agent enroll --url https://… --token-file FILE --new-key"
_LIST = "fieldpost-collector agent list --tenant TENANT   # on the collector\n"
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
    "key_unknown": f"{_ISSUE}{_ANEW}",
    "bad_signature": f"curl -v https://COLLECTOR{CA_PATH}   # does a proxy between change requests?",
    "clock_skew": "timedatectl set-ntp true",
    "identity_conflict": f"{_LIST}{_ANEW}   # on the clone: it becomes an agent of its own",
    "tenant_suspended": "fieldpost-collector tenant list   # on the collector",
}


def known(ground: Ground, enrolment: Enrolment | None, url: str) -> Finding:
    """Ask it, signed, what it has for this agent; nothing changes by that."""
    if enrolment is None or not (ground.state / KEY_FILE).exists():
        return unwell("enrolment", "this agent is not enrolled", ENROL)
    try:
        reply, _ = asyncio.run(state_at_collector(ground.state, enrolment, url=url, way=ground.settings.way))
    except ConfigurationError as error:
        return untold("enrolment", str(error))
    except LinkDownError as error:
        return untold("enrolment", f"{url} did not answer a signed request: {error}", f"curl -kv {url}{CA_PATH}")
    return judge(enrolment, reply)


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
