"""What agents say of the accounts that they look after: whether the role can be used, and for what."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import Connection

from collector.domain.accounts import store
from collector.domain.accounts.store import Linked
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from common.wire import JobResult
from common.wire_aws import Verification

_LINES, _LINE = 20, 300
_GAVE_UP = ("failed", "refused", "indeterminate")


def apply(conn: Connection, tenant_id: int, agent_id: str, said: Sequence[Verification]) -> list[Verification]:
    """Take in the newest word on each account; returns those of accounts of other agents, which change nothing."""
    foreign: list[Verification] = []
    if said:
        store.hold(conn, tenant_id)
    for one in sorted(said, key=lambda verification: verification.at):
        linked = store.find(conn, tenant_id, one.account)
        if linked is None or linked.agent_id != agent_id:
            foreign.append(one)
        elif linked.verified_at is None or linked.verified_at <= one.at:
            _take(conn, linked, one)
    return foreign


def failures(conn: Connection, tenant_id: int, agent_id: str, results: Sequence[JobResult]) -> None:
    """A verification that could not be made fails the account that waits for it."""
    given_up = {one.job: one.detail for one in results if one.job.startswith("verify_") and one.state in _GAVE_UP}
    if not given_up:
        return
    store.hold(conn, tenant_id)
    for linked in store.all_linked(conn, tenant_id):
        if linked.agent_id == agent_id and linked.verification_job in given_up:
            job = linked.verification_job
            told = {"job": job, "permissions": {}, "missing": []}
            failed = replace(linked, status="FAILED", reason=given_up[job], verification=told)
            store.save(conn, tenant_id, failed)


def _take(conn: Connection, linked: Linked, one: Verification) -> None:
    status: store.Status = "ACTIVE" if one.verified else "FAILED"
    before = (linked.verification or {}).get("warnings", [])
    store.save(
        conn,
        linked.tenant_id,
        replace(linked, status=status, reason=one.reason, verification=msgspec.to_builtins(one), verified_at=one.at),
    )
    if status != linked.status or list(one.warnings) != list(before):
        activity.append(conn, linked.tenant_id, [_entry(linked, one, status)])


def _entry(linked: Linked, one: Verification, status: store.Status) -> Entry:
    about: dict[str, object] = {"by": linked.agent_id, "account_id": linked.account_id, "status": status}
    about["reason"] = one.reason
    if one.warnings:
        about["warnings"] = [warning[:_LINE] for warning in one.warnings[:_LINES]]
    return Entry("aws_account_verified", about, one.at)
