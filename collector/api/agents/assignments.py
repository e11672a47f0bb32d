"""`GET /agent/v1/assignment`: what the collector wants, at once or as soon as it changes."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from collector.api.agents import answers
from collector.api.agents.link import Link
from collector.core import problems
from collector.domain.agents.callers import AgentCaller
from collector.domain.assignments import store
from collector.domain.assignments.rules import tag
from common.wire import Assignment

MAX_WAIT = 50


async def current(link: Link, request: Request) -> Response:
    """The document, or 304 when it is still the one that the agent has after `wait` seconds."""
    caller = await link.caller(request)
    known = request.headers.get("if-none-match", "").strip().removeprefix("W/").strip('"')
    with link.changes.watch(caller.agent_id) as changed:
        version = await _another(link, caller, known, wait=_wait(request), changed=changed)
    if version == known:
        return answers.not_modified(version)
    document = await link.db.read(store.document, caller.tenant_id, caller.agent_id)
    version = tag(document.version, link.heartbeat_s)
    body = Assignment(
        version=version,
        checks=document.checks,
        jobs=document.jobs,
        accounts=document.accounts,
        schedules=document.schedules,
        overrides=document.overrides,
        heartbeat_s=link.heartbeat_s,
        collector_key=link.collector_key,
    )
    return answers.answer(body, headers={"ETag": answers.quoted(version)})


async def _another(link: Link, caller: AgentCaller, known: str, *, wait: int, changed: asyncio.Event) -> str:
    """The version now, or as soon as it is another than `known`, or when the time is over."""
    loop = asyncio.get_running_loop()
    end = loop.time() + wait
    while True:
        changed.clear()
        version = tag(await link.db.read(store.version, caller.tenant_id, caller.agent_id), link.heartbeat_s)
        if version != known or link.changes.stopped or loop.time() >= end:
            return version
        try:
            async with asyncio.timeout_at(end):
                await changed.wait()
        except TimeoutError:
            return version


def _wait(request: Request) -> int:
    text = request.query_params.get("wait", "0")
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_WAIT)) and int(text) <= MAX_WAIT):
        raise problems.invalid("wait", text, f"whole seconds, 0 to {MAX_WAIT}")
    return int(text)
