"""Puts the public family together: no credential, one page per tenant, answers that may be kept."""

from dataclasses import dataclass

from fastapi import APIRouter

from collector.api import family
from collector.api.family import Dialect
from collector.api.public import envelope, reading, subscriptions
from collector.api.public.auth import DOCUMENT, guard
from collector.api.public.crowd import Crowd
from collector.core.database import Database
from collector.core.families import Family
from collector.core.limits import Limiter
from collector.domain.statuspage.links import Links

ROUTERS: tuple[APIRouter, ...] = (reading.router, subscriptions.router)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`url`: where people reach pages; `mails`: whether any can be sent; `fresh_s`: how old answers get."""

    url: str
    mails: bool
    per_minute: int
    fresh_s: float


def build(db: Database, limiter: Limiter, links: Links, terms: Terms) -> Family:
    dialect = Dialect(
        name="public",
        guard=guard(db, limiter, per_minute=terms.per_minute, fresh_s=terms.fresh_s),
        render=envelope.problem,
        quota_headers=envelope.quota_headers,
        credential={"type": "http", "scheme": "none", "description": "None is needed."},
        revalidates=True,
        kept=Crowd(terms.fresh_s),
    )
    return family.build(
        dialect,
        ROUTERS,
        title="Fieldpost: public status",
        db=db,
        document_url=DOCUMENT,
        parts={"url": terms.url, "links": links, "mails": terms.mails and bool(terms.url)},
    )
