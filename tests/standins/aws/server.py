"""The stand-in as a server: loopback only, one thread per connection, no file and no network beside it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("MOTO_AMIS_PATH", str(Path(__file__).with_name("amis.json")))
# Read once, while moto is imported: its own list would put 1,300 snapshots of others into every account.

from werkzeug.serving import BaseWSGIServer, make_server

from tests.standins.aws import access, autoscaling, cloudwatch, ec2, money, patches, rds, regions, s3, shelves, spot
from tests.standins.aws.estate.builder import build
from tests.standins.aws.faults import Faults
from tests.standins.aws.front import Front
from tests.standins.aws.quiet import QuietHandler
from tests.standins.aws.roles import Roles, plant
from tests.standins.aws.world import Handlers, World

ACCOUNTS = (
    Roles("111122223333", "fp-7d1f4c0e9ab24c53", "fp-51c0a8e2f7d94b16"),
    Roles("444455556666", "fp-c2b90d6617e84f0a", "fp-0e8d3bb65f214c7d"),
)
REGIONS = ("us-east-1", "eu-west-1", "eu-central-1")


@dataclass(frozen=True, slots=True)
class Served:
    server: BaseWSGIServer
    world: World

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


def handlers() -> Handlers:
    gathered: Handlers = {}
    for module in (access, autoscaling, cloudwatch, ec2, money, rds, regions, s3, shelves, spot):
        gathered |= module.HANDLERS
    return gathered


def serve(port: int, world: World, *, estate: bool = True, copies: int = 1) -> Served:
    """A server that is bound; it answers from `serve_forever` on."""
    for roles in ACCOUNTS:
        plant(roles)
    patches.apply()
    front = Front(world, handlers())
    if estate:
        world.expected = _planted(front, copies)
    server = make_server("127.0.0.1", port, front, threaded=True, request_handler=QuietHandler)
    return Served(server, world)


def _planted(front: Front, copies: int) -> Mapping[str, Any]:
    """The key; faults and delays are for those who come later."""
    faults, front.world.faults = front.world.faults, Faults()
    key = build(front, ACCOUNTS, copies=copies)
    front.world.faults = faults
    front.world.asked.clear()
    return key.as_json()
