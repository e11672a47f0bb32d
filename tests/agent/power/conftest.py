"""AWS for the tests of what describes and switches: the stand-in with its estate, started once and left as it is."""

from collections.abc import Callable, Iterator

import pytest

from agent.aws.messages import Target
from agent.aws.session import Access, assume, own
from agent.power.messages import LookRequest
from tests.standins.aws.launch import Aws, start_aws

Asking = Callable[..., LookRequest]


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    standin = start_aws(tmp_path_factory.mktemp("aws"), "--transition-ms", 50)
    yield standin
    standin.process.stop()


@pytest.fixture
def as_agent(estate: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """The stand-in, with the agent's own credentials in the environment and nothing wrong with it."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in estate.environment.items():
        monkeypatch.setenv(name, value)
    estate.calls()
    yield estate
    estate.set_faults()


@pytest.fixture
def asking(as_agent: Aws) -> Asking:
    """Makes requests of the role that schedules have."""
    account = as_agent.accounts[0]
    target = Target(account["account_id"], account["schedule_role_arn"], account["schedule_external_id"])

    def request(region: str = "eu-west-1", **more: object) -> LookRequest:
        given = {"target": target, "region": region, "types": ("EC2", "RDS", "ASG"), **more}
        return LookRequest(**given)  # type: ignore[arg-type]  # each test names what it gives

    return request


@pytest.fixture
def planting(as_agent: Aws) -> Iterator[Access]:
    """Whoever plants more than the estate has: everything is allowed to it."""
    account = as_agent.accounts[0]
    target = Target(account["account_id"], account["admin_role_arn"])
    with own() as through, assume(through, target, "eu-central-1") as access:
        yield access
