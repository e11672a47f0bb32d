"""Which product a feature of DBA_FEATURE_USAGE_STATISTICS belongs to: a hint for the licence owner, no legal statement.

Left out are rows that count Oracle's own use (`… (system)`), features that no longer cost anything (Spatial, Data
Mining), and Multitenant, whose first PDBs are free: LIC_PDB_COUNT counts those.
"""

import re

DIAGNOSTICS = "Diagnostics Pack"
TUNING = "Tuning Pack"

_PRODUCTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        DIAGNOSTICS,
        (
            "AWR (?:Report|Baseline.*)",
            "ADDM",
            "Automatic Workload Repository",
            "Baseline .*",
            "EM Performance Page",
            "Diagnostic Pack",
        ),
    ),
    (
        TUNING,
        (
            "SQL (?:Tuning Advisor|Access Advisor|Profile|Monitoring and Tuning pages)",
            "Real-Time SQL Monitoring",
            r"SQL Tuning Set \(user\)",
            "Tuning Pack",
        ),
    ),
    ("Partitioning", (r"Partitioning \(user\)", "Zone maps")),
    (
        "Advanced Compression",
        (
            "Advanced Index Compression",
            "HeapCompression",
            "Oracle Advanced (?:Table )?Compression",
            r"SecureFile (?:Compression|Deduplication) \(user\)",
            "Backup (?:HIGH|MEDIUM|LOW|ZLIB) Compression",
            "Heat Map",
            "Information Lifecycle Management",
            "Automatic Data Optimization",
            "Data Guard Network Compression",
        ),
    ),
    (
        "Advanced Security",
        (
            "Transparent Data Encryption",
            "Encrypted Tablespaces",
            "Backup Encryption",
            "Data Redaction",
            r"SecureFile Encryption \(user\)",
        ),
    ),
    ("Active Data Guard", ("Active Data Guard.*", "Global Data Services", "Automatic Block Repair")),
    ("Real Application Clusters", (r"Real Application Clusters? \(RAC\)",)),
    ("RAC One Node", ("Real Application Cluster One Node",)),
    ("Database In-Memory", ("In-Memory (?!Base Level).*",)),
    ("OLAP", ("OLAP - .*",)),
    ("Label Security", ("Label Security",)),
    ("Database Vault", ("(?:Oracle )?Database Vault",)),
    ("Real Application Testing", ("Database Replay: .*", "SQL Performance Analyzer")),
    ("Data Masking and Subsetting Pack", ("Data Masking Pack",)),
)
_PATTERNS = tuple((product, re.compile("|".join(patterns))) for product, patterns in _PRODUCTS)

# The same product as V$OPTION names it; an option that is not linked in cannot be in use.
OPTION = {
    "Real Application Clusters": "Real Application Clusters",
    "RAC One Node": "Real Application Clusters",
    "Partitioning": "Partitioning",
    "Advanced Compression": "Advanced Compression",
    "OLAP": "OLAP",
    "Label Security": "Oracle Label Security",
    "Database Vault": "Oracle Database Vault",
    "Database In-Memory": "In-Memory Column Store",
    "Real Application Testing": "Real Application Testing",
    "Active Data Guard": "Active Data Guard",
}


def product_of(feature: str) -> str | None:
    """The product that has to be licensed for it; None where nothing has."""
    return next((product for product, pattern in _PATTERNS if pattern.fullmatch(feature)), None)
