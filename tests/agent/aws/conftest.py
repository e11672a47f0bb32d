"""AWS for the tests of what talks to it: the stand-in with its estate, started once."""

from collections.abc import Iterator

import pytest

from tests.standins.aws.launch import Aws, start_aws


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    standin = start_aws(tmp_path_factory.mktemp("aws"))
    yield standin
    standin.process.stop()


@pytest.fixture
def as_agent(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """The stand-in, with the agent's own credentials in the environment and nothing wrong with it."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    aws.calls()
    yield aws
    aws.set_faults()
