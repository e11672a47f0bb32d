"""One region of one account while it is being planted."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.elastic_block_store import Volume
from moto.ec2.models.instances import Instance
from moto.iam.models import iam_backends
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.standins.aws.estate.key import CATEGORY, AnswerKey, Expected, Forbidden, Money
from tests.standins.aws.estate.rates import EC2, HOURS, REGION_FACTOR
from tests.standins.aws.front import Front
from tests.standins.aws.identities import PARTITION
from tests.standins.aws.metrics import DAY, Profile
from tests.standins.aws.roles import Roles
from tests.standins.aws.shelves import shelf_name
from tests.standins.aws.world import Row

Tags = Mapping[str, str]
ORDINARY_AGE = 100.0
OWN_IMAGE = "app-base"


@dataclass(slots=True)
class Plot:
    """Planting is done through moto's backend where there is much of a kind, else through the API in-process."""

    front: Front
    roles: Roles
    region: str
    key: AnswerKey
    now: datetime
    dice: random.Random
    copies: int = 1
    image: str = ""
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def account(self) -> str:
        return self.roles.account

    @property
    def ec2(self) -> EC2Backend:
        return ec2_backends[self.account][self.region]

    @property
    def factor(self) -> float:
        return REGION_FACTOR[self.region]

    @property
    def zones(self) -> Sequence[str]:
        return [self.region + letter for letter in "ab"]

    @property
    def vpc(self) -> str:
        return self.ec2.get_subnet(self.subnet()).vpc_id

    def subnet(self, index: int = 0) -> str:
        return str(self.ec2.get_default_subnets()[self.zones[index]].id)

    def ago(self, days: float) -> datetime:
        """Naive UTC, as moto keeps time."""
        return (self.now - timedelta(days=days)).replace(tzinfo=None, microsecond=0)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = _client(self.front, self.roles, self.region, service)
        return self._clients[service]

    # --- the key ---

    def expect(
        self,
        factor: str,
        resource: str,
        savings: float | None,
        *,
        money: Money = "exact",
        aliases: Sequence[str] = (),
        same_everywhere: float = 0.0,
    ) -> None:
        """`factor` as `C:UNUSED_EIP_CLEANUP`; `savings` in us-east-1's prices, part of them the same abroad."""
        category, _, name = factor.partition(":")
        reckoned = None if savings is None else round((savings - same_everywhere) * self.factor + same_everywhere, 2)
        self.key.expected.append(
            Expected(
                self.account,
                self.region,
                name,
                resource,
                CATEGORY[category],
                reckoned,
                "unknown" if savings is None else money,
                tuple(aliases),
            )
        )

    def forbid(self, resource: str, why: str, *factors: str, aliases: Sequence[str] = ()) -> None:
        for factor in factors:
            self.key.must_not_flag.append(Forbidden(self.account, self.region, factor, resource, why, tuple(aliases)))

    def allow(self, resource: str, *factors: str, aliases: Sequence[str] = ()) -> None:
        """Neither right nor wrong: what the case was not made for."""
        for factor in factors:
            for name in (resource, *aliases):
                self.key.allowed.append((self.account, self.region, factor, name))

    # --- metrics ---

    def metric(
        self,
        namespace: str,
        name: str,
        dimensions: Tags,
        level: float | Callable[[int], float],
        *,
        days: float = 45,
        **more: Any,
    ) -> None:
        """A series up to now; `level` may follow the hour of the week."""
        rule = level if callable(level) else _flat(float(level))
        since = self.now.timestamp() - days * DAY
        profile = Profile(level=rule, since=since, until=self.now.timestamp() + 3650 * DAY, **more)
        metrics = self.front.world.metrics[self.account, self.region]
        metrics.series[namespace, name, tuple(sorted(dimensions.items()))] = profile

    def shelve(self, service: str, operation: str, row: Row) -> None:
        self.front.world.shelf[self.account, self.region, shelf_name(service, operation)].append(row)

    # --- instances and volumes ---

    def instance(
        self,
        kind: str = "m5.large",
        *,
        name: str,
        tags: Tags | None = None,
        age: float = ORDINARY_AGE,
        image: str | None = None,
        zone: int = 0,
        monitored: bool = False,
        spot: str | None = None,
        protected: bool = False,
    ) -> Instance:
        reservation = self.ec2.run_instances(
            image or self.image, 1, None, [],
            instance_type=kind,
            is_instance_type_default=False,
            region_name=self.region,
            subnet_id=self.subnet(zone),
            associate_public_ip=False,
            monitoring_state="enabled" if monitored else "disabled",
            disable_api_stop=protected,
            instance_market_options="spot" if spot else {},
            tags={"instance": {"Name": name, **(tags or {})}},
            block_device_mappings=[
                {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "VolumeType": "gp3", "DeleteOnTermination": True}}
            ],
        )  # fmt: skip
        instance: Instance = reservation.instances[0]
        instance.launch_time = self.ago(min(age, 20))
        vars(instance)["spot_type"] = spot
        for volume in self.volumes_of(instance):
            self.settle(volume, age, throughput=125)
        return instance

    def volumes_of(self, instance: Instance) -> list[Volume]:
        return [self.ec2.volumes[device.volume_id] for _, device in instance.get_block_device_mapping]

    def settle(self, volume: Volume, age: float, throughput: int | None = None) -> None:
        volume.create_time = self.ago(age)
        volume.throughput = throughput or volume.throughput
        if volume.attachment is not None:
            volume.attachment.attach_time = self.ago(age)
            for _, device in volume.attachment.instance.get_block_device_mapping:
                if device.volume_id == volume.id:
                    device.attach_time = self.ago(age)

    def stop(self, instance: Instance, days: float, *, reason: bool = True) -> None:
        instance.stop()
        stamp = self.ago(days)
        instance._reason = f"User initiated ({stamp:%Y-%m-%d %H:%M:%S} GMT)" if reason else ""
        instance.launch_time = self.ago(days + 10)

    def volume(
        self,
        kind: str,
        gib: int,
        *,
        iops: int | None = None,
        mbps: int | None = None,
        age: float = ORDINARY_AGE,
        tags: Tags | None = None,
        on: Instance | None = None,
        multi_attach: bool = False,
    ) -> Volume:
        volume: Volume = self.ec2.create_volume(
            size=gib, zone_name=self.zones[0], volume_type=kind, iops=iops, throughput=mbps,
            multi_attach_enabled=multi_attach or None,
        )  # fmt: skip
        volume.add_tags(dict(tags or {}))
        if kind == "gp2":
            volume.iops = min(max(100, 3 * gib), 16000)
        if on is not None:
            device = f"/dev/sd{'fghijklmnop'[len(self.volumes_of(on)) - 1]}"
            self.ec2.attach_volume(volume.id, on.id, device)
        self.settle(volume, age, throughput=125 if kind == "gp3" and mbps is None else None)
        return volume

    def busy(self, instance: Instance, *, cpu: float = 55.0, days: float = 45) -> None:
        """The metrics of a machine that has work: no factor may touch it."""
        self.cpu(instance, cpu, peak=min(99.0, cpu * 1.3), days=days)
        self.network(instance, 40e6, days=days)

    def cpu(self, instance: Instance, level: float | Callable[[int], float], **more: Any) -> None:
        self.metric("AWS/EC2", "CPUUtilization", {"InstanceId": instance.id}, level, **more)

    def network(self, instance: Instance, bytes_5min: float | Callable[[int], float], **more: Any) -> None:
        """In and out: this many bytes in five minutes each."""
        for name in ("NetworkIn", "NetworkOut"):
            self.metric("AWS/EC2", name, {"InstanceId": instance.id}, bytes_5min, **more)

    def hourly(self, kind: str) -> float:
        return EC2[kind]

    def monthly(self, kind: str) -> float:
        return EC2[kind] * HOURS


def _flat(level: float) -> Callable[[int], float]:
    return lambda _: level


def _client(front: Front, roles: Roles, region: str, service: str) -> Any:
    """A boto3 client whose requests go straight into the application, without a socket."""
    key = iam_backends[roles.account][PARTITION].create_temp_access_key()
    key.role_arn = roles.arn("OrganizationAccountAccessRole")
    client = boto3.client(
        service,
        region_name=region,
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key="x",
        config=Config(retries={"max_attempts": 0}),
    )

    def send(request: AWSRequest, **_: Any) -> AWSResponse:
        builder = EnvironBuilder(
            method=request.method, base_url="http://127.0.0.1:1", path=request.url.removeprefix("http://127.0.0.1:1"),
            headers=list(_text(request.headers).items()), data=request.body or b"",
        )  # fmt: skip
        body, status, headers = run_wsgi_app(front, builder.get_environ())
        return AWSResponse(request.url, int(status.split()[0]), dict(headers), _Raw(b"".join(body)))

    client.meta.events.register("before-send", send)
    return client


def _text(headers: Mapping[str, Any]) -> dict[str, str]:
    return {name: value.decode() if isinstance(value, bytes) else str(value) for name, value in headers.items()}


class _Raw:
    """A body as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Sequence[bytes]:
        return [self._content]

    def read(self, *_: Any, **__: Any) -> bytes:
        content, self._content = self._content, b""
        return content


def moment(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)
