"""How often what readers see of a tenant has changed."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from collector.core.columns import table


class FleetVersion(SQLModel, table=True):
    """One row per writing connection's slot: alone for the fleet, `results:slot` and so on for the rest."""

    __tablename__ = "fleet_version"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    source: str = Field(primary_key=True)
    version: int = Field(sa_type=BigInteger)


fleet_version = table(FleetVersion)
