"""Puts the status pages together: no session, one page per tenant, answers that a crowd gets made once."""

from collector.api import family
from collector.api.family import Dialect
from collector.api.public.auth import Door, guard
from collector.api.public.crowd import Crowd
from collector.api.public.family import Terms
from collector.core.database import Database
from collector.core.families import Family
from collector.core.limits import Limiter
from collector.domain.statuspage.links import Links
from collector.web.statuspage import envelope, reading, subscribing
from collector.web.statuspage.places import PREFIX, STATIC

DOOR = Door(PREFIX, STATIC, subscribing.ASKS)
_APART = (STATIC, subscribing.ASKS, "/confirm", "/unsubscribe")


def build(db: Database, limiter: Limiter, links: Links, terms: Terms) -> Family:
    dialect = Dialect(
        name="statuspage",
        guard=guard(db, limiter, per_minute=terms.per_minute, fresh_s=terms.fresh_s, door=DOOR),
        render=envelope.problem,
        quota_headers=envelope.quota_headers,
        credential={"type": "http", "scheme": "none", "description": "None is needed."},
        revalidates=True,
        kept=Crowd(terms.fresh_s, apart=_APART),
    )
    strips = reading.Strips(db, min(reading.STRIPS_FRESH_S, terms.fresh_s * 20))
    parts = {"links": links, "mails": terms.mails and bool(terms.url), "strips": strips}
    return family.build(
        dialect, (reading.router, subscribing.router), title="Fieldpost: status pages", db=db, parts=parts
    )
