"""`POST /agent/v1/enroll`: a token and a key become an agent."""

from starlette.requests import Request
from starlette.responses import Response

from collector.api.agents import answers, bodies
from collector.api.agents.link import Link
from collector.domain.agents.enrolment import enrol as enrol_agent
from collector.domain.agents.enrolment import prove
from collector.domain.tenants import store as tenants
from common import logs, wire
from common.clock import utc_now
from common.wire import EnrolReply, EnrolRequest, WireError

MAX_BODY = 16 * 1024

log = logs.get(__name__)


async def enrol(link: Link, request: Request) -> Response:
    body = wire.decode(await bodies.read(request, MAX_BODY), EnrolRequest)
    if any("\0" in text for text in (body.name, body.hostname, body.version)):
        raise WireError("malformed", "text with a NUL character (\\u0000)")
    try:
        key = prove(body)
    except ValueError as error:
        raise WireError("malformed", str(error)) from None
    now = utc_now()
    agent = await link.db.write(enrol_agent, body, key, now)
    slug = await link.db.read(tenants.slug_of, agent.tenant_id)
    log.info("agent enrolled", agent=agent.id, tenant=slug, state=agent.state, hostname=body.hostname)
    return answers.answer(
        EnrolReply(
            agent=agent.id,
            tenant=slug,
            state="pending" if agent.state == "pending" else "active",
            server_time=now,
            collector_key=link.collector_key,
            again=agent.again,
        )
    )
