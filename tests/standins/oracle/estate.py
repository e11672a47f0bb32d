"""The scenario folders as one estate: which there are, how to reach them, and a server in front of them."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from tests.standins.oracle.engine import load_scenario
from tests.standins.oracle.engine.scenario import SCENARIOS, Scenario, read_scenario
from tests.standins.oracle.faults import Faults
from tests.standins.oracle.server import HOST, RunningStandin, Standin, running

_FIRST_AI_RELEASE = 23


@dataclass(frozen=True)
class Target:
    """One database of the estate as a client is told of it: its first service and its first user."""

    name: str
    host: str
    port: int
    service_name: str
    user: str
    password: str
    scenario: str
    mode: str = "normal"

    @property
    def dsn(self) -> str:
        return f"{self.host}:{self.port}/{self.service_name}"

    def as_json(self) -> Mapping[str, str | int]:
        return asdict(self)


def scenario_names() -> list[str]:
    return sorted(file.parent.name for file in SCENARIOS.glob("*/scenario.yaml"))


def standin(
    scenarios: Sequence[str] = (),
    *,
    faults: Faults | None = None,
    tls: ssl.SSLContext | None = None,
    ports: Mapping[str, int] | None = None,
) -> Standin:
    """A server for `async with`, in front of the named scenarios or of all."""
    backends = [load_scenario(name) for name in scenarios or scenario_names()]
    return Standin(backends, wanted_ports=ports or {}, tls=tls, faults=faults or Faults())


@contextmanager
def running_standin(
    scenarios: Sequence[str] = (), *, faults: Faults | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[RunningStandin]:
    """The same in a thread of its own, for tests that are not asynchronous."""
    with running([load_scenario(name) for name in scenarios or scenario_names()], faults=faults, tls=tls) as server:
        yield server


def targets(ports: Mapping[str, int], scenarios: Sequence[str] = ()) -> list[Target]:
    """How to reach each scenario: a 23ai release on the 23ai port, older ones on the other."""
    return [_target(read_scenario(SCENARIOS / name), ports) for name in scenarios or scenario_names()]


def _target(scenario: Scenario, ports: Mapping[str, int]) -> Target:
    persona = "23ai" if scenario.release[0] >= _FIRST_AI_RELEASE else "19c"
    user, facts = next(iter(scenario.users.items()))
    return Target(
        name=scenario.name,
        host=HOST,
        port=ports[persona],
        service_name=next(iter(scenario.services)),
        user=user,
        password=facts.account.password,
        scenario=scenario.name,
        mode="sysdg" if scenario.mounted else "normal",  # an ordinary user gets ORA-01033
    )
