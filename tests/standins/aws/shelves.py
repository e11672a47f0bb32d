"""Lists that moto does not have, served from a shelf that the estate fills; empty where it did not."""

from tests.standins.aws.calls import Call
from tests.standins.aws.world import Answer, Handler, Handlers, World, page

_LISTS = {
    ("ec2", "DescribeLockedSnapshots"): "Snapshots",
    ("ec2", "DescribeReservedInstances"): "ReservedInstances",
    ("ec2", "DescribeCapacityReservations"): "CapacityReservations",
    ("rds", "DescribeReservedDBInstances"): "ReservedDBInstances",
    ("rds", "DescribePendingMaintenanceActions"): "PendingMaintenanceActions",
    ("elasticache", "DescribeReservedCacheNodes"): "ReservedCacheNodes",
    ("redshift", "DescribeReservedNodes"): "ReservedNodes",
    ("opensearch", "DescribeReservedInstances"): "ReservedInstances",
    ("lambda", "ListProvisionedConcurrencyConfigs"): "ProvisionedConcurrencyConfigs",
    ("savingsplans", "DescribeSavingsPlans"): "savingsPlans",
    ("cost-optimization-hub", "ListRecommendations"): "items",
    ("account", "ListRegions"): "Regions",
}


def shelf_name(service: str, operation: str) -> str:
    return f"{service}.{operation}"


def _handler(service: str, operation: str, key: str) -> Handler:
    def handle(call: Call, world: World) -> Answer:
        rows = world.shelved(call, shelf_name(service, operation))
        if service in {"rds", "elasticache", "redshift"}:
            found, marker = page(rows, int(call.get("MaxRecords") or 100), call.get("Marker"))
            return {key: list(found), "Marker": marker}
        return {key: list(rows)}

    return handle


HANDLERS: Handlers = {named: _handler(*named, key) for named, key in _LISTS.items()}
