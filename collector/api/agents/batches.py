"""`POST /agent/v1/batches`: a signed batch is stored and acknowledged."""

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from collector.api.agents import answers, bodies
from collector.api.agents.link import Link
from collector.domain.agents.callers import AgentCaller
from collector.domain.assignments.rules import tag
from collector.domain.results.decode import Decoded, decode_batch
from collector.domain.results.received import Source
from collector.domain.results.taking import Job, ingest_all
from common import logs, wire
from common.clock import utc_now
from common.identity import NotAuthentic
from common.wire import Ack, WireError

_SIGNATURE = wire.SIGNATURE_HEADER.lower().encode()
_INLINE = 32 * 1024  # bytes packed; anything larger is unpacked beside the event loop

log = logs.get(__name__)


async def take(link: Link, request: Request) -> Response:
    caller = await link.caller(request)
    bodies.check_type(request, wire.CONTENT_TYPE)
    signature = bodies.header(request, _SIGNATURE)
    body = await bodies.read(request, wire.MAX_PACKED)
    if len(body) <= _INLINE:
        source, batch = _open(body, signature, caller)
    else:
        source, batch = await asyncio.to_thread(_open, body, signature, caller)
    ack = await _stored(link, caller, Job(source, batch, utc_now(), caller.key_id))
    link.metrics.received(new=ack.new, duplicate=ack.dup, rejected=len(ack.rejected))
    _report(source, batch)
    return answers.answer(msgspec.structs.replace(ack, assignment=tag(ack.assignment, link.heartbeat_s)))


async def _stored(link: Link, caller: AgentCaller, job: Job) -> Ack:
    try:
        return await link.db.write_together(ingest_all, caller.tenant_id, job)
    except NotAuthentic:
        link.proofs.forget(caller.agent_id)
        raise


def _open(body: bytes, signature: str, caller: AgentCaller) -> tuple[Source, Decoded]:
    """Take a batch apart once its signature is proven to be the caller's."""
    unpacked = wire.unpack(body)
    header = unpacked.header
    if header.agent != caller.agent_id:
        raise NotAuthentic("bad_signature", "the batch is another agent's")
    try:
        caller.key.verify(unpacked.signed, signature)
    except NotAuthentic as error:
        raise WireError("signature", f"{wire.SIGNATURE_HEADER}: {error.detail}") from None
    if b"\\u0000" in unpacked.signed:
        raise WireError("malformed", "batch header: text with a NUL character (\\u0000)")
    source = Source(caller.tenant_id, caller.agent_id, header.epoch, header.stream)
    return source, decode_batch(unpacked)


def _report(source: Source, batch: Decoded) -> None:
    for rejection in batch.rejected:
        log.warning(
            "record rejected",
            agent=source.agent_id,
            stream=source.stream,
            seq=rejection.seq,
            code=rejection.code,
            detail=rejection.detail,
        )
    if batch.strange:
        kinds = sorted({record.kind for record in batch.strange})
        log.warning("records of unknown kinds kept", agent=source.agent_id, kinds=kinds, count=len(batch.strange))
