"""RDS refuses to stop what cannot be stopped, and ends a stop after a week."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws_standin.conftest import Client
from tests.aws_standin.test_ec2 import ADMIN
from tests.standins.aws.launch import Aws


@pytest.fixture
def rds(client: Client) -> Any:
    return client("rds", ADMIN, region="eu-west-1")


def create(rds: Any, name: str, **more: Any) -> str:
    rds.create_db_instance(
        DBInstanceIdentifier=name, Engine="mysql", DBInstanceClass="db.m5.large", AllocatedStorage=20,
        MasterUsername="owner", MasterUserPassword="long-enough", **more,
    )  # fmt: skip
    return name


def status(rds: Any, name: str) -> str:
    (found,) = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    return str(found["DBInstanceStatus"])


def refused(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return str(error.value.response["Error"]["Code"])


def settle(rds: Any, name: str) -> str:
    while (found := status(rds, name)) in {"stopping", "starting"}:
        pass
    return found


def test_a_stopped_database_says_when_it_will_be_started_again(aws: Aws, rds: Any) -> None:
    name = create(rds, "weekend")
    rds.stop_db_instance(DBInstanceIdentifier=name)
    assert settle(rds, name) == "stopped"
    assert "AutomaticRestartTime" in rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    aws.restart_database(aws.accounts[0]["account_id"], "eu-west-1", name)
    assert status(rds, name) == "available"


def test_a_primary_with_a_replica_and_the_replica_cannot_be_stopped(rds: Any) -> None:
    create(rds, "first")
    rds.create_db_instance_read_replica(DBInstanceIdentifier="second", SourceDBInstanceIdentifier="first")
    for name in ("first", "second"):
        assert refused(rds.stop_db_instance, DBInstanceIdentifier=name) == "InvalidDBInstanceState"
        assert status(rds, name) == "available"


def test_a_member_is_stopped_with_its_cluster_only(rds: Any) -> None:
    rds.create_db_cluster(
        DBClusterIdentifier="pair", Engine="aurora-mysql", MasterUsername="owner", MasterUserPassword="long-enough"
    )
    rds.create_db_instance(
        DBInstanceIdentifier="pair-1", DBClusterIdentifier="pair", Engine="aurora-mysql", DBInstanceClass="db.r6g.large"
    )
    assert refused(rds.stop_db_instance, DBInstanceIdentifier="pair-1") == "InvalidParameterCombination"
    rds.stop_db_cluster(DBClusterIdentifier="pair")
    assert settle(rds, "pair-1") == "stopped"
    assert refused(rds.stop_db_cluster, DBClusterIdentifier="pair") == "InvalidDBClusterStateFault"


def test_arm64_cannot_be_ordered_for_a_commercial_engine(rds: Any) -> None:
    options = rds.describe_orderable_db_instance_options(Engine="oracle-se2")["OrderableDBInstanceOptions"]
    assert options
    assert not [one for one in options if one["DBInstanceClass"].startswith("db.m7g")]


def test_support_of_old_versions_has_ended_and_of_new_ones_not(rds: Any) -> None:
    versions = rds.describe_db_major_engine_versions(Engine="postgres")["DBMajorEngineVersions"]
    ends = {
        one["MajorEngineVersion"]: one["SupportedEngineLifecycles"][0]["LifecycleSupportEndDate"] for one in versions
    }
    assert ends["12"] < ends["16"]
