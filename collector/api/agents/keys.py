"""`POST /agent/v1/keys`: an agent offers the key that is to replace its own."""

from starlette.requests import Request
from starlette.responses import Response

from collector.api.agents import answers, bodies
from collector.api.agents.link import Link
from collector.domain.agents import keys
from common import wire
from common.clock import utc_now
from common.wire import KeyOffer, KeyReply, WireError

MAX_BODY = 4 * 1024


async def offer(link: Link, request: Request) -> Response:
    """The request is signed by the key in use, the offer by the new one; nothing changes until that is used."""
    caller = await link.caller(request)
    body = wire.decode(await bodies.read(request, MAX_BODY), KeyOffer)
    try:
        key = keys.prove(caller.agent_id, body)
    except ValueError as error:
        raise WireError("malformed", str(error)) from None
    now = utc_now()
    waits = await link.db.write(keys.offer, caller.tenant_id, caller.agent_id, key, now)
    return answers.answer(KeyReply(key.key_id, "candidate" if waits else "active", now))
