"""Addresses, NAT gateways, endpoints and load balancers."""

from datetime import timedelta
from typing import Any

from moto.ec2.models.elastic_ip_addresses import ElasticAddress
from moto.elb.models import elb_backends
from moto.elbv2.models import elbv2_backends

from tests.standins.aws.estate.plot import Plot, moment
from tests.standins.aws.estate.rates import ELB_HOUR, ENDPOINT_HOUR, HOURS, IPV4_HOUR, NAT_HOUR

_EIP = "UNUSED_EIP_CLEANUP"
_NAT = "IDLE_NAT_GATEWAY_CLEANUP"
_ENDPOINT = "IDLE_VPC_ENDPOINT_CLEANUP"
_LB = "IDLE_ELB_CLEANUP"
_ADDRESS = IPV4_HOUR * HOURS


def plant(plot: Plot) -> None:
    for copy in range(plot.copies):
        _addresses(plot, copy)
        _gateways(plot, copy)
        _endpoints(plot)
        _balancers(plot, copy)
        _classic(plot, copy)


def _address(plot: Plot, **tags: str) -> ElasticAddress:
    address: ElasticAddress = plot.ec2.allocate_address("vpc", tags=tags)
    return address


def _found(plot: Plot, address: ElasticAddress) -> None:
    plot.expect(
        f"C:{_EIP}", str(address.allocation_id), _ADDRESS, aliases=[address.public_ip], same_everywhere=_ADDRESS
    )


def _left(plot: Plot, address: ElasticAddress, why: str) -> None:
    plot.forbid(str(address.allocation_id), why, _EIP, aliases=[address.public_ip])


def _addresses(plot: Plot, copy: int) -> None:
    _found(plot, _address(plot))
    _found(plot, _address(plot, Name="old-bastion"))
    _left(plot, _address(plot, **{"fieldpost:exclude": "all"}), "its owner has taken it out")
    own = _address(plot)
    vars(own)["public_ipv4_pool"] = "ipv4pool-ec2-0123456789abcdef0"
    _left(plot, own, "an address that one brings is free")
    for days, name in ((12, "week-off"), (2, "weekend-off")):
        instance = plot.instance(name=f"{name}-{copy}", tags={"env": "prod"})
        address = _address(plot)
        plot.ec2.associate_address(instance=instance, allocation_id=address.allocation_id)
        plot.stop(instance, days)
        if days > 7:
            _found(plot, address)
        else:
            _left(plot, address, "its machine is stopped for two days")
        plot.forbid(instance.id, f"stopped for {days} days", "STOPPED_EC2_CLEANUP", "IDLE_EC2")
    running = plot.instance(name=f"with-address-{copy}", tags={"env": "prod"})
    plot.busy(running)
    used = _address(plot)
    plot.ec2.associate_address(instance=running, allocation_id=used.allocation_id)
    _left(plot, used, "a running machine has it")
    loose = plot.ec2.create_network_interface(plot.ec2.get_subnet(plot.subnet()), [])
    parked = _address(plot)
    plot.ec2.associate_address(eni=loose, allocation_id=parked.allocation_id)
    _found(plot, parked)


# --- NAT gateways ---

_NAT_METRICS = ("BytesOutToDestination", "BytesInFromSource", "BytesInFromDestination", "BytesOutToSource")


def _gateways(plot: Plot, copy: int) -> None:
    for name, age, traffic, why in (
        ("idle", 60.0, 0.0, ""),
        ("used", 60.0, 5e6, "it moves five megabytes a minute"),
        ("young", 10.0, 0.0, "it is ten days old"),
        ("silent", 60.0, None, "there are no metrics: unknown is not idle"),
    ):
        address = _address(plot)
        gateway = plot.ec2.create_nat_gateway(plot.subnet(), str(address.allocation_id), {"Name": f"nat-{name}-{copy}"})
        gateway._created_at = plot.ago(age)
        vars(gateway._eni).update(status="in-use", interface_type="nat_gateway")
        _left(plot, address, "a NAT gateway has it")
        if traffic is not None:
            _traffic(plot, gateway.id, traffic, min(age, 45))
        if why:
            plot.forbid(gateway.id, why, _NAT)
        else:
            plot.expect(f"C:{_NAT}", gateway.id, NAT_HOUR * HOURS + _ADDRESS, same_everywhere=_ADDRESS)


def _traffic(plot: Plot, gateway: str, bytes_a_minute: float, days: float) -> None:
    named = {"NatGatewayId": gateway}
    for metric in _NAT_METRICS:
        plot.metric("AWS/NATGateway", metric, named, bytes_a_minute, days=days, resolution=60)
    connections = 0.0 if bytes_a_minute == 0 else 40.0
    plot.metric("AWS/NATGateway", "ActiveConnectionCount", named, connections, days=days, resolution=60)


# --- endpoints ---


def _endpoints(plot: Plot) -> None:
    vpc = plot.vpc
    for service, kind, age, traffic, why in (
        ("sqs", "Interface", 90, 0.0, ""),
        ("kms", "Interface", 90, 2e5, "it moves bytes"),
        ("sns", "Interface", 8, 0.0, "it is eight days old"),
        ("s3", "Gateway", 90, None, "a gateway endpoint is free"),
    ):
        name = f"com.amazonaws.{plot.region}.{service}"
        subnets = [plot.subnet(0), plot.subnet(1)] if kind == "Interface" else None
        endpoint = plot.ec2.create_vpc_endpoint(vpc, name, kind, None, [], subnet_ids=subnets)
        endpoint.creation_timestamp = plot.ago(age)
        for eni in endpoint.network_interface_ids:
            vars(plot.ec2.enis[eni]).update(status="in-use", interface_type="vpc_endpoint")
        if traffic is not None:
            _passing(plot, endpoint, traffic, age)
        if why:
            plot.forbid(endpoint.id, why, _ENDPOINT)
        else:
            plot.expect(f"C:{_ENDPOINT}", endpoint.id, ENDPOINT_HOUR * HOURS * 2)


def _passing(plot: Plot, endpoint: Any, traffic: float, age: float) -> None:
    dimensions = {
        "VPC Id": endpoint.vpc_id,
        "VPC Endpoint Id": endpoint.id,
        "Endpoint Type": "Interface",
        "Service Name": endpoint.service_name,
    }
    plot.metric("AWS/PrivateLinkEndpoints", "BytesProcessed", dimensions, traffic, days=min(age, 45))


# --- load balancers ---


def _balancers(plot: Plot, copy: int) -> None:
    server = plot.instance(name=f"behind-{copy}", tags={"env": "prod"})
    plot.busy(server)
    rate = ELB_HOUR["application"] * HOURS
    cases: tuple[tuple[str, dict[str, Any], float, str], ...] = (
        ("empty", {}, rate, ""),
        ("quiet", {"targets": True, "requests": 3.0}, rate, ""),
        ("mute", {"targets": True}, rate, ""),
        ("public", {"scheme": "internet-facing"}, rate + 2 * _ADDRESS, ""),
        ("net", {"kind": "network", "targets": True, "dead": True}, ELB_HOUR["network"] * HOURS, ""),
        ("used", {"targets": True, "requests": 4000.0}, 0, "it has requests"),
        ("new", {"age": 4}, 0, "it is four days old"),
        ("k8s", {"tags": {"elbv2.k8s.aws/cluster": "prod"}}, 0, "Kubernetes owns it: the Service has to go"),
        ("kept", {"tags": {"fieldpost:exclude": "all"}}, 0, "its owner has taken it out"),
        ("redirect", {"redirect": True, "requests": 900.0}, 0, "it redirects and needs no targets"),
        ("lambda", {"lambda_target": True, "requests": 900.0}, 0, "a function answers its requests"),
    )
    for name, facts, month, why in cases:
        arn = _balancer(plot, f"{name}-{copy}", server.id, **facts)
        aliases = [f"{name}-{copy}", arn.partition("loadbalancer/")[2]]
        if why:
            plot.forbid(arn, why, _LB, aliases=aliases)
        else:
            extra = 2 * _ADDRESS if name == "public" else 0.0
            plot.expect(f"C:{_LB}", arn, month, aliases=aliases, same_everywhere=extra)


def _balancer(
    plot: Plot,
    name: str,
    server: str,
    *,
    kind: str = "application",
    scheme: str = "internal",
    targets: bool = False,
    dead: bool = False,
    requests: float | None = None,
    age: float = 90,
    tags: dict[str, str] | None = None,
    redirect: bool = False,
    lambda_target: bool = False,
) -> str:
    """`requests` a day; None leaves the metric out, as AWS does where there was none."""
    api = plot.client("elbv2")
    made = api.create_load_balancer(
        Name=name, Type=kind, Scheme=scheme, Subnets=[plot.subnet(0), plot.subnet(1)],
        Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()] or [{"Key": "team", "Value": "web"}],
    )["LoadBalancers"][0]  # fmt: skip
    arn = str(made["LoadBalancerArn"])
    balancer = elbv2_backends[plot.account][plot.region].load_balancers[arn]
    balancer.created_time = f"{plot.ago(age):%Y-%m-%dT%H:%M:%S.000Z}"
    balancer.state = "active"
    protocol = "HTTP" if kind == "application" else "TCP"
    if redirect:
        action: dict[str, Any] = {
            "Type": "redirect",
            "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"},
        }
    else:
        group = _group(plot, name, protocol, lambda_target=lambda_target)
        action = {"Type": "forward", "TargetGroupArn": group}
        if targets:
            _register(plot, group, name, None if dead else server)
            _healthy(plot, arn, group, 0.0 if dead else 1.0)
        if lambda_target:
            function = f"arn:aws:lambda:{plot.region}:{plot.account}:function:answer"
            api.register_targets(TargetGroupArn=group, Targets=[{"Id": function}])
    api.create_listener(LoadBalancerArn=arn, Protocol=protocol, Port=80, DefaultActions=[action])
    if requests is not None:
        _requests(plot, arn, requests)
    return arn


def _group(plot: Plot, name: str, protocol: str, *, lambda_target: bool) -> str:
    api = plot.client("elbv2")
    if lambda_target:
        made = api.create_target_group(Name=f"tg-{name}", TargetType="lambda")
    else:
        vpc = plot.vpc
        made = api.create_target_group(Name=f"tg-{name}", Protocol=protocol, Port=80, VpcId=vpc, TargetType="instance")
    return str(made["TargetGroups"][0]["TargetGroupArn"])


def _register(plot: Plot, group: str, name: str, server: str | None) -> None:
    """A target; without a server one that is stopped by now: registered, and not healthy."""
    lost = None if server else plot.instance(name=f"dead-{name}", tags={"env": "prod"})
    plot.client("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": lost.id if lost else server}])
    if lost:
        plot.stop(lost, 20)


def _healthy(plot: Plot, arn: str, group: str, hosts: float) -> None:
    """Published while there is a target."""
    namespace = "AWS/ApplicationELB" if "/app/" in arn else "AWS/NetworkELB"
    named = {"LoadBalancer": arn.partition("loadbalancer/")[2], "TargetGroup": group.rpartition(":")[2]}
    plot.metric(namespace, "HealthyHostCount", named, hosts, resolution=60)


def _requests(plot: Plot, arn: str, per_day: float) -> None:
    named = {"LoadBalancer": arn.partition("loadbalancer/")[2]}
    plot.metric("AWS/ApplicationELB", "RequestCount", named, per_day / 24 / 60, resolution=60)


def _classic(plot: Plot, copy: int) -> None:
    server = plot.instance(name=f"behind-classic-{copy}", tags={"env": "prod"})
    plot.busy(server)
    api = plot.client("elb")
    for name, registered, per_day, why in (
        (f"classic-empty-{copy}", False, None, ""),
        (f"classic-used-{copy}", True, 9000.0, "it has requests"),
    ):
        api.create_load_balancer(
            LoadBalancerName=name, AvailabilityZones=plot.zones, Scheme="internal",
            Listeners=[{"Protocol": "HTTP", "LoadBalancerPort": 80, "InstanceProtocol": "HTTP", "InstancePort": 80}],
        )  # fmt: skip
        balancer = elb_backends[plot.account][plot.region].load_balancers[name]
        balancer.scheme = "internal"
        balancer.created_time = moment(plot.now.replace(tzinfo=None)) - timedelta(days=90)
        if registered:
            api.register_instances_with_load_balancer(LoadBalancerName=name, Instances=[{"InstanceId": server.id}])
        if per_day is not None:
            plot.metric("AWS/ELB", "RequestCount", {"LoadBalancerName": name}, per_day / 24 / 60, resolution=60)
        if why:
            plot.forbid(name, why, _LB)
        else:
            plot.expect(f"C:{_LB}", name, ELB_HOUR["classic"] * HOURS)
