"""All accounts and regions, planted from one seed."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from moto.ec2.models.amis import Ami
from moto.ec2.utils import random_ami_id
from moto.moto_api._internal import mock_random

from tests.standins.aws.estate import caches, compute, databases, groups, network, serverless, storage, subjects
from tests.standins.aws.estate.key import AnswerKey
from tests.standins.aws.estate.plot import OWN_IMAGE, Plot
from tests.standins.aws.front import Front
from tests.standins.aws.roles import Roles

Planter = Callable[[Plot], None]
PLANTERS: tuple[Planter, ...] = (
    compute.plant,
    storage.plant,
    network.plant,
    groups.plant,
    databases.plant,
    caches.plant,
    serverless.plant,
    subjects.plant,
)
SEED = 20260720
_COPIES = {0: {"us-east-1": 2, "eu-west-1": 2, "eu-central-1": 1}, 1: {"us-east-1": 1, "eu-west-1": 1}}


def build(front: Front, accounts: Sequence[Roles], *, seed: int = SEED, copies: int = 1) -> AnswerKey:
    """The same estate for the same seed, as of now; `copies` multiplies it."""
    mock_random.seed(seed)
    key, now = AnswerKey(), datetime.now(UTC)
    for number, roles in enumerate(accounts):
        for region, times in _COPIES.get(number, {}).items():
            plot = Plot(front, roles, region, key, now, random.Random(seed), times * copies)
            _images(plot)
            for planter in PLANTERS:
                planter(plot)
    return key


def _images(plot: Plot) -> None:
    """What machines start from; the twin for arm64 waits for its first use, and is young."""
    for name, architecture in ((OWN_IMAGE, "x86_64"), ("web-server-x86_64", "x86_64"), ("web-server-arm64", "arm64")):
        image = Ami(
            plot.ec2, random_ami_id(), name=name, architecture=architecture, virtualization_type="hvm",
            hypervisor="xen", root_device_type="ebs", root_device_name="/dev/xvda", region_name=plot.zones[0],
            creation_date=plot.ago(25),
        )  # fmt: skip
        image.ebs_snapshot.start_time = plot.ago(25)
        vars(image)["ena_support"] = True
        plot.ec2.amis[image.id] = image
        if name == OWN_IMAGE:
            plot.image = image.id
