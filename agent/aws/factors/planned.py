"""The factors that are known and not built."""

from agent.aws.catalogue import Category, Planned


def _planned(category: Category, *named: tuple[int, str, str]) -> tuple[Planned, ...]:
    return tuple(Planned(key=key, number=number, category=category, title=title) for number, key, title in named)


PLANNED: tuple[Planned, ...] = (
    *_planned(
        "Cleaner",
        (18, "IDLE_DYNAMODB_TABLE", "Tables that nobody reads or writes"),
        (19, "IDLE_KINESIS_STREAM", "Streams without records"),
        (20, "IDLE_SAGEMAKER", "Endpoints and notebooks that nobody calls"),
        (21, "IDLE_EFS", "File systems without clients"),
        (22, "IDLE_WORKSPACES", "WorkSpaces that nobody opens"),
        (23, "IDLE_EMR", "EMR clusters without work"),
        (24, "IDLE_VPN_TGW", "VPN tunnels and attachments without traffic"),
        (25, "UNUSED_CAPACITY_RESERVATION", "Reserved capacity and hosts that nothing runs on"),
        (29, "UNUSED_SECRET", "Secrets that nobody reads"),
        (30, "DUPLICATE_CLOUDTRAIL", "Second copies of management events"),
    ),
    *_planned(
        "OverProvisioned",
        (32, "OVER_PROVISIONED_ASG", "Auto Scaling groups of instances that are too large"),
        (34, "RDS_STORAGE_OVERPROVISIONED", "Databases with more storage than they fill"),
        (37, "LAMBDA_PROVISIONED_CONCURRENCY", "Provisioned concurrency that is not used"),
        (40, "OVER_PROVISIONED_OPENSEARCH", "Search domains that smaller nodes would serve"),
        (41, "OVER_PROVISIONED_REDSHIFT", "Warehouses that fewer nodes would serve"),
        (42, "OVER_PROVISIONED_ECS_FARGATE", "Fargate services with more than they use"),
        (43, "OVER_PROVISIONED_EKS_NODEGROUP", "Node groups with more than is requested"),
        (46, "NAT_DATA_S3_DYNAMODB", "Traffic to S3 and DynamoDB through NAT gateways"),
    ),
    *_planned(
        "Modernization",
        (52, "AMD_EC2", "Instances that AMD processors would serve for less"),
        (57, "EKS_EXTENDED_SUPPORT", "Clusters of Kubernetes versions in extended support"),
        (59, "OPENSEARCH_MODERNIZE", "Search domains on old storage, processors or versions"),
        (62, "STORAGE_CLASS_IA", "Files, tables and logs that are rarely read in the ordinary class"),
        (63, "REDSHIFT_DC2_TO_RA3_OR_SERVERLESS", "Warehouses on nodes of an old generation"),
    ),
    *_planned(
        "PotentialBenefits",
        (66, "SP_RI_UTILIZATION_LOW", "Commitments that are not used"),
        (68, "CACHE_OPENSEARCH_REDSHIFT_DYNAMODB_RESERVED", "Caches, domains and warehouses without a reservation"),
        (70, "SPOT_CANDIDATE", "Groups that could run on Spot, and clusters that pay much for I/O"),
    ),
)
