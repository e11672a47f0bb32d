"""Status pages with much on them."""

from datetime import timedelta

from collector.core.database import Database
from collector.domain.tenants import store as tenants
from common.clock import utc_now
from tests.collector import builders
from tests.collector.api.public.making import enable, incident
from tests.collector.services.making import add_pin, add_service

LONG = "Zahlungsabwicklung-und-Rechnungsstellung-für-alle-Tochtergesellschaften-in-Europa"


async def large(db: Database, count: int = 200) -> str:
    """The slug of a page with many services in groups, some with long names and some with a bad past."""
    tenant, now = await builders.tenant(db), utc_now()
    await enable(db, tenant)
    since = now - timedelta(days=100)
    for number in range(count):
        name = f"{LONG} {number}" if number % 20 == 0 else f"Service {number:03}"
        about = {"name": name, "slug": f"s{number}", "visibility": "public", "group_name": f"Group {number % 5}"}
        made = await add_service(db, tenant, since, **about)
        if number % 7 == 0:
            began = now - timedelta(days=number % 60 + 2)
            await add_pin(db, tenant, made, began, began + timedelta(hours=5), status="partial_outage")
        if number == 3:
            await incident(db, tenant, [made], now - timedelta(hours=1), severity="degraded", title="Slow")
    return await db.read(tenants.slug_of, tenant)
