"""Scans that agents send become recommendations: found, found again, or no longer found.

Parts come in any order, and so do scans; for each factor the youngest whole scan of the region has the last word.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection

from collector.core.columns import microseconds
from collector.domain.accounts import store as accounts
from collector.domain.assignments import store as assignments
from collector.domain.costs import rules, store
from collector.domain.costs.store import Region
from collector.domain.services import recording
from collector.domain.services.coverage import INTERVALS, Stretch
from common.wire_aws import Scan

_MAX_PENDING = 32


def apply(conn: Connection, tenant_id: int, agent_id: str, scans: Sequence[Scan]) -> list[Scan]:
    """Take in parts of scans; returns those of accounts that this agent does not look after, which change nothing."""
    own = accounts.of_agent(conn, tenant_id, agent_id) if scans else frozenset()
    regions: dict[tuple[str, str], Region] = {}
    for scan in sorted((one for one in scans if one.account in own), key=lambda one: one.started_at):
        place = (scan.account, scan.region)
        if place not in regions:
            regions[place] = store.region_of(conn, tenant_id, *place)
        if _take(conn, tenant_id, regions[place], scan) and scan.job:
            assignments.advance(conn, tenant_id, agent_id, scan.job)
    for region in regions.values():
        store.save_region(conn, tenant_id, region)
    return [one for one in scans if one.account not in own]


def _take(conn: Connection, tenant_id: int, region: Region, scan: Scan) -> bool:
    """Whether the scan is whole with that."""
    began = microseconds(scan.started_at)
    fresh = {factor for factor in scan.factors if region.judged.get(factor, -1) < began}
    found = [one for one in scan.recommendations if one.factor in fresh]
    ids = [rules.identity(scan.account, scan.region, one.factor, one.resource) for one in found]
    known = store.known(conn, tenant_id, ids)
    rows = {
        rec_id: rules.found(tenant_id, known.get(rec_id), scan, one) for rec_id, one in zip(ids, found, strict=True)
    }
    store.save(conn, tenant_id, list(rows.values()))
    whole = _whole(region, scan)
    if whole:
        _finish(conn, tenant_id, region, scan, fresh)
    return whole


def _whole(region: Region, scan: Scan) -> bool:
    """Remember that this part is here; whether it was the last that was missing."""
    so_far = region.pending.setdefault(scan.scan, {"began": microseconds(scan.started_at), "parts": [], "gone": []})
    so_far["parts"] = sorted({*so_far["parts"], scan.part})
    so_far["gone"] += scan.gone
    if scan.undecided or scan.gaps:
        region.undecided = [{"factor": u.factor, "count": u.count, "reason": u.reason} for u in scan.undecided]
        region.gaps = dict(scan.gaps)
    return len(so_far["parts"]) == scan.parts


def _finish(conn: Connection, tenant_id: int, region: Region, scan: Scan, fresh: set[str]) -> None:
    began = microseconds(scan.started_at)
    gone = set(region.pending.pop(scan.scan)["gone"])
    standing = store.unseen(conn, tenant_id, scan.account, scan.region, scan.started_at)
    store.save(conn, tenant_id, [rules.missed(one, scan, gone) for one in standing if one.factor in fresh])
    region.judged |= dict.fromkeys(fresh, began)
    _tidy(region)
    _cover(conn, tenant_id, scan)
    if region.scanned_at is None or region.scanned_at < scan.ended_at:
        region.scanned_at = scan.ended_at
        accounts.synced(conn, tenant_id, scan.account, scan.ended_at)


def _cover(conn: Connection, tenant_id: int, scan: Scan) -> None:
    """Until when nothing is amiss although no further scan has come."""
    linked = accounts.find(conn, tenant_id, scan.account)
    if linked is not None:
        length = INTERVALS * timedelta(hours=linked.scan_hours)
        recording.cover(conn, tenant_id, f"account/{scan.account}", Stretch(scan.ended_at, scan.ended_at + length))


def _tidy(region: Region) -> None:
    """Scans whose other parts got lost are forgotten in the end."""
    newest = sorted(region.pending, key=lambda name: region.pending[name]["began"])[-_MAX_PENDING:]
    region.pending = {name: region.pending[name] for name in newest}
