"""Everything of an account that can be described, by name: what a sweep reads is what its factors name from here.

To add one: an entry here. The IAM policy and the proof of its rights follow from `action`.
"""

from collections.abc import Iterator, Mapping

from agent.aws.catalogue import Collection
from agent.aws.factors._newer import followers
from agent.aws.snapshot import Snapshot

_OWN: Mapping[str, object] = {"OwnerIds": ["self"]}
_OWN_IMAGES: Mapping[str, object] = {"Owners": ["self"], "IncludeDisabled": True, "IncludeDeprecated": True}
_TYPE_FACTS = (
    "InstanceTypes[].{InstanceType: InstanceType, CurrentGeneration: CurrentGeneration, Hypervisor: Hypervisor,"
    " BareMetal: BareMetal, VCpuInfo: VCpuInfo, MemoryInfo: MemoryInfo, ProcessorInfo: ProcessorInfo,"
    " NetworkInfo: {NetworkPerformance: NetworkInfo.NetworkPerformance, EnaSupport: NetworkInfo.EnaSupport,"
    " MaximumNetworkInterfaces: NetworkInfo.MaximumNetworkInterfaces,"
    " Ipv4AddressesPerInterface: NetworkInfo.Ipv4AddressesPerInterface,"
    " BaselineBandwidthInGbps: max(NetworkInfo.NetworkCards[].BaselineBandwidthInGbps || `[]`)},"
    " EbsInfo: EbsInfo, InstanceStorageSupported: InstanceStorageSupported, GpuInfo: GpuInfo,"
    " BurstablePerformanceSupported: BurstablePerformanceSupported, SupportedUsageClasses: SupportedUsageClasses,"
    " SupportedVirtualizationTypes: SupportedVirtualizationTypes}"
)
"""Of an instance type only what decides on a size: 1,400 whole ones would be half of a scan's memory."""

_FAMILIES_A_CALL = 200


def type_families(look: Snapshot) -> Iterator[Mapping[str, object]]:
    """The families that are in use and those that may follow them, where the region offers a type that is not known
    yet: all types are 1,400, and what they are is the same everywhere.
    """
    known = {str(one["InstanceType"]) for one in look.of("ec2.instance_types")}
    unknown = {str(one["InstanceType"]) for one in look.of("ec2.type_offerings")} - known
    used = {_family(str(instance["InstanceType"])) for instance in look.of("ec2.instances")} or {"t3"}
    wanted = used | {name for family in used for name in followers(family)}
    names = sorted(wanted & set(map(_family, unknown)) | used - set(map(_family, known)))
    for start in range(0, len(names), _FAMILIES_A_CALL):
        chosen = [f"{name}.*" for name in names[start : start + _FAMILIES_A_CALL]]
        yield {"Filters": [{"Name": "instance-type", "Values": chosen}]}


def _family(name: str) -> str:
    return name.partition(".")[0]


_TAGGED: Mapping[str, object] = {
    "ResourceTypeFilters": [
        "dynamodb:table",
        "ecr:repository",
        "elasticache:cluster",
        "elasticloadbalancing:loadbalancer",
        "es:domain",
        "lambda:function",
        "logs:log-group",
        "s3",
    ]
}
"""What does not come with its tags: they are read a hundred resources a call. What is not listed has none."""


_ALL = (
    # --- EC2, EBS, VPC ---
    Collection("ec2.instances", "ec2", "describe_instances", "Reservations[].Instances[]", "ec2:DescribeInstances"),
    Collection(
        "ec2.instance_types",
        "ec2",
        "describe_instance_types",
        _TYPE_FACTS,
        "ec2:DescribeInstanceTypes",
        per="ec2.type_offerings",
        calls=type_families,
        shared=True,
    ),
    Collection(
        "ec2.type_offerings",
        "ec2",
        "describe_instance_type_offerings",
        "InstanceTypeOfferings[].{InstanceType: InstanceType, Location: Location}",
        "ec2:DescribeInstanceTypeOfferings",
    ),
    Collection("ec2.volumes", "ec2", "describe_volumes", "Volumes[]", "ec2:DescribeVolumes"),
    Collection("ec2.snapshots", "ec2", "describe_snapshots", "Snapshots[]", "ec2:DescribeSnapshots", _OWN),
    Collection(
        "ec2.snapshot_shares",
        "ec2",
        "describe_snapshot_attribute",
        "{SnapshotId: SnapshotId, CreateVolumePermissions: CreateVolumePermissions}",
        "ec2:DescribeSnapshotAttribute",
        {"Attribute": "createVolumePermission"},
        per="ec2.snapshots",
        given={"SnapshotId": "SnapshotId"},
        late=1,
        none=("InvalidSnapshot.NotFound",),
    ),
    Collection(
        "ec2.image_shares",
        "ec2",
        "describe_image_attribute",
        "{ImageId: ImageId, LaunchPermissions: LaunchPermissions}",
        "ec2:DescribeImageAttribute",
        {"Attribute": "launchPermission"},
        per="ec2.images",
        given={"ImageId": "ImageId"},
        late=1,
        none=("InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"),
    ),
    Collection(
        "ec2.locked_snapshots",
        "ec2",
        "describe_locked_snapshots",
        "Snapshots[]",
        "ec2:DescribeLockedSnapshots",
        per="ec2.snapshots",
    ),
    Collection("ec2.images", "ec2", "describe_images", "Images[]", "ec2:DescribeImages", _OWN_IMAGES),
    Collection("ec2.addresses", "ec2", "describe_addresses", "Addresses[]", "ec2:DescribeAddresses"),
    Collection("ec2.nat_gateways", "ec2", "describe_nat_gateways", "NatGateways[]", "ec2:DescribeNatGateways"),
    Collection(
        "ec2.route_tables",
        "ec2",
        "describe_route_tables",
        "RouteTables[]",
        "ec2:DescribeRouteTables",
        per="ec2.nat_gateways",
    ),
    Collection("ec2.subnets", "ec2", "describe_subnets", "Subnets[]", "ec2:DescribeSubnets", per="ec2.nat_gateways"),
    Collection("ec2.vpc_endpoints", "ec2", "describe_vpc_endpoints", "VpcEndpoints[]", "ec2:DescribeVpcEndpoints"),
    Collection(
        "ec2.endpoint_services",
        "ec2",
        "describe_vpc_endpoint_service_configurations",
        "ServiceConfigurations[]",
        "ec2:DescribeVpcEndpointServiceConfigurations",
        per="elbv2.load_balancers",
    ),
    Collection(
        "ec2.network_interfaces",
        "ec2",
        "describe_network_interfaces",
        "NetworkInterfaces[]",
        "ec2:DescribeNetworkInterfaces",
        per="ec2.addresses",
    ),
    Collection(
        "ec2.launch_template_versions",
        "ec2",
        "describe_launch_template_versions",
        "LaunchTemplateVersions[]",
        "ec2:DescribeLaunchTemplateVersions",
        {"Versions": ["$Latest", "$Default"]},
    ),
    Collection(
        "ec2.reserved_instances",
        "ec2",
        "describe_reserved_instances",
        "ReservedInstances[]",
        "ec2:DescribeReservedInstances",
    ),
    # --- Auto Scaling, load balancers ---
    Collection(
        "autoscaling.groups",
        "autoscaling",
        "describe_auto_scaling_groups",
        "AutoScalingGroups[]",
        "autoscaling:DescribeAutoScalingGroups",
    ),
    Collection(
        "autoscaling.launch_configurations",
        "autoscaling",
        "describe_launch_configurations",
        "LaunchConfigurations[]",
        "autoscaling:DescribeLaunchConfigurations",
    ),
    Collection(
        "elbv2.load_balancers",
        "elbv2",
        "describe_load_balancers",
        "LoadBalancers[]",
        "elasticloadbalancing:DescribeLoadBalancers",
    ),
    Collection(
        "elbv2.target_groups",
        "elbv2",
        "describe_target_groups",
        "TargetGroups[]",
        "elasticloadbalancing:DescribeTargetGroups",
        per="elbv2.load_balancers",
    ),
    Collection(
        "elb.load_balancers",
        "elb",
        "describe_load_balancers",
        "LoadBalancerDescriptions[]",
        "elasticloadbalancing:DescribeLoadBalancers",
    ),
    # --- databases ---
    Collection("rds.instances", "rds", "describe_db_instances", "DBInstances[]", "rds:DescribeDBInstances"),
    Collection("rds.clusters", "rds", "describe_db_clusters", "DBClusters[]", "rds:DescribeDBClusters"),
    Collection(
        "rds.snapshots",
        "rds",
        "describe_db_snapshots",
        "DBSnapshots[]",
        "rds:DescribeDBSnapshots",
        {"SnapshotType": "manual"},
    ),
    Collection(
        "rds.cluster_snapshots",
        "rds",
        "describe_db_cluster_snapshots",
        "DBClusterSnapshots[]",
        "rds:DescribeDBClusterSnapshots",
        {"SnapshotType": "manual"},
    ),
    Collection(
        "rds.snapshot_attributes",
        "rds",
        "describe_db_snapshot_attributes",
        "DBSnapshotAttributesResult",
        "rds:DescribeDBSnapshotAttributes",
        per="rds.snapshots",
        given={"DBSnapshotIdentifier": "DBSnapshotIdentifier"},
        none=("DBSnapshotNotFound",),
        late=1,
    ),
    Collection(
        "rds.cluster_snapshot_attributes",
        "rds",
        "describe_db_cluster_snapshot_attributes",
        "DBClusterSnapshotAttributesResult",
        "rds:DescribeDBClusterSnapshotAttributes",
        per="rds.cluster_snapshots",
        given={"DBClusterSnapshotIdentifier": "DBClusterSnapshotIdentifier"},
        none=("DBClusterSnapshotNotFoundFault",),
        late=1,
    ),
    Collection(
        "rds.major_engine_versions",
        "rds",
        "describe_db_major_engine_versions",
        "DBMajorEngineVersions[]",
        "rds:DescribeDBMajorEngineVersions",
        per="rds.instances",
        shared=True,
    ),
    Collection(
        "rds.orderable",
        "rds",
        "describe_orderable_db_instance_options",
        "OrderableDBInstanceOptions[].{Engine: Engine, EngineVersion: EngineVersion, DBInstanceClass: DBInstanceClass,"
        " LicenseModel: LicenseModel, StorageType: StorageType, MultiAZCapable: MultiAZCapable}",
        "rds:DescribeOrderableDBInstanceOptions",
        per="rds.instances",
        given={"Engine": "Engine", "EngineVersion": "EngineVersion"},
    ),
    Collection(
        "rds.reserved_instances",
        "rds",
        "describe_reserved_db_instances",
        "ReservedDBInstances[]",
        "rds:DescribeReservedDBInstances",
    ),
    Collection(
        "elasticache.clusters",
        "elasticache",
        "describe_cache_clusters",
        "CacheClusters[]",
        "elasticache:DescribeCacheClusters",
        {"ShowCacheNodeInfo": True},
    ),
    Collection(
        "elasticache.replication_groups",
        "elasticache",
        "describe_replication_groups",
        "ReplicationGroups[]",
        "elasticache:DescribeReplicationGroups",
        per="elasticache.clusters",
    ),
    Collection("opensearch.names", "opensearch", "list_domain_names", "DomainNames[]", "es:ListDomainNames"),
    Collection(
        "opensearch.domains",
        "opensearch",
        "describe_domains",
        "DomainStatusList[]",
        "es:DescribeDomains",
        per="opensearch.names",
        given={"DomainNames": "DomainName"},
        batch=5,
    ),
    Collection("redshift.clusters", "redshift", "describe_clusters", "Clusters[]", "redshift:DescribeClusters"),
    Collection(
        "redshift.reserved_nodes",
        "redshift",
        "describe_reserved_nodes",
        "ReservedNodes[]",
        "redshift:DescribeReservedNodes",
        per="redshift.clusters",
    ),
    Collection("dynamodb.names", "dynamodb", "list_tables", "TableNames[].{TableName: @}", "dynamodb:ListTables"),
    Collection(
        "dynamodb.tables",
        "dynamodb",
        "describe_table",
        "Table",
        "dynamodb:DescribeTable",
        per="dynamodb.names",
        given={"TableName": "TableName"},
        none=("ResourceNotFoundException",),
    ),
    Collection(
        "dynamodb.scalable_targets",
        "application-autoscaling",
        "describe_scalable_targets",
        "ScalableTargets[]",
        "application-autoscaling:DescribeScalableTargets",
        {"ServiceNamespace": "dynamodb"},
        per="dynamodb.names",
    ),
    # --- Lambda, logs, storage, images ---
    Collection("lambda.functions", "lambda", "list_functions", "Functions[]", "lambda:ListFunctions"),
    Collection("logs.groups", "logs", "describe_log_groups", "logGroups[]", "logs:DescribeLogGroups"),
    Collection("s3.buckets", "s3", "list_buckets", "Buckets[]", "s3:ListAllMyBuckets", {"BucketRegion": "{region}"}),
    Collection(
        "s3.lifecycle",
        "s3",
        "get_bucket_lifecycle_configuration",
        "{Rules: Rules}",
        "s3:GetLifecycleConfiguration",
        per="s3.buckets",
        given={"Bucket": "Name"},
        late=1,
        none=("NoSuchLifecycleConfiguration", "NoSuchBucket"),
    ),
    Collection(
        "s3.versioning",
        "s3",
        "get_bucket_versioning",
        "{Status: Status}",
        "s3:GetBucketVersioning",
        per="s3.buckets",
        given={"Bucket": "Name"},
        none=("NoSuchBucket",),
    ),
    Collection(
        "s3.uploads",
        "s3",
        "list_multipart_uploads",
        "Uploads[]",
        "s3:ListBucketMultipartUploads",
        per="s3.buckets",
        given={"Bucket": "Name"},
        none=("NoSuchBucket",),
    ),
    Collection(
        "s3.parts",
        "s3",
        "list_parts",
        "{Sizes: Parts[].Size}",
        "s3:ListMultipartUploadParts",
        per="s3.uploads",
        given={"Bucket": "Bucket", "Key": "Key", "UploadId": "UploadId"},
        none=("NoSuchUpload", "NoSuchBucket"),
        late=2,
    ),
    Collection("ecr.repositories", "ecr", "describe_repositories", "repositories[]", "ecr:DescribeRepositories"),
    Collection(
        "ecr.lifecycle",
        "ecr",
        "get_lifecycle_policy",
        "{lifecyclePolicyText: lifecyclePolicyText}",
        "ecr:GetLifecyclePolicy",
        per="ecr.repositories",
        given={"repositoryName": "repositoryName"},
        none=("LifecyclePolicyNotFoundException", "RepositoryNotFoundException"),
    ),
    Collection(
        "ecr.images",
        "ecr",
        "describe_images",
        "imageDetails[].{imageDigest: imageDigest, imageTags: imageTags, imageSizeInBytes: imageSizeInBytes,"
        " imagePushedAt: imagePushedAt, lastRecordedPullTime: lastRecordedPullTime}",
        "ecr:DescribeImages",
        per="ecr.repositories",
        given={"repositoryName": "repositoryName"},
        none=("RepositoryNotFoundException",),
    ),
    # --- CloudWatch, tags, commitments ---
    Collection(
        "cloudwatch.alarms",
        "cloudwatch",
        "describe_alarms",
        "MetricAlarms[]",
        "cloudwatch:DescribeAlarms",
        per="ec2.instances",
    ),
    Collection(
        "cloudwatch.memory_metrics",
        "cloudwatch",
        "list_metrics",
        "Metrics[]",
        "cloudwatch:ListMetrics",
        {"Namespace": "CWAgent", "MetricName": "mem_used_percent"},
        per="ec2.instances",
    ),
    Collection(
        "cloudwatch.lambda_insights",
        "cloudwatch",
        "list_metrics",
        "Metrics[]",
        "cloudwatch:ListMetrics",
        {"Namespace": "LambdaInsights", "MetricName": "memory_utilization"},
        per="lambda.functions",
    ),
    Collection(
        "tagging.resources",
        "resourcegroupstaggingapi",
        "get_resources",
        "ResourceTagMappingList[]",
        "tag:GetResources",
        _TAGGED,
    ),
    Collection(
        "savingsplans.in_force",
        "savingsplans",
        "describe_savings_plans",
        "savingsPlans[]",
        "savingsplans:DescribeSavingsPlans",
        {"states": ["active"]},
    ),
    Collection(
        "savingsplans.plans",
        "savingsplans",
        "describe_savings_plans",
        "savingsPlans[]",
        "savingsplans:DescribeSavingsPlans",
        at_home=True,
        shared=True,
    ),
)

COLLECTIONS: Mapping[str, Collection] = {collection.name: collection for collection in _ALL}
