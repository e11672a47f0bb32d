"""What a page says of a family before its operations: what it is for, its credential, its limits, its dialect."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """`made`: where the credential comes from; `first`: what it is tried on; `open`: paths that take none."""

    name: str
    title: str
    text: str
    base: str
    credential: str
    looks: str
    made: str
    document: str
    first: str
    failure: str
    limits: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    open: tuple[str, ...] = ()

    @property
    def secret(self) -> bool:
        return bool(self.credential)

    def needs_key(self, path: str) -> bool:
        return self.secret and not path.startswith(self.open or ("-",))


_TOKENS = "Access token of a member: `POST /api/v1/auth/login` gives one for 24 hours."
_TUNER_FAILURE = """{
  "success": false,
  "data": null,
  "error": {
    "code": "INVALID_REQUEST",
    "message": "Account ID must be 12 digits",
    "details": {"field": "accountId", "value": "12345", "expected": "12-digit string"},
    "requestId": "req_abc123def456",
    "timestamp": "2025-10-26T12:00:00Z"
  },
  "timestamp": "2025-10-26T12:00:00Z"
}"""
_ADMIN_FAILURE = (
    _TUNER_FAILURE.replace("Account ID must be 12 digits", "role: 'boss'; expected one of owner, admin, dba, viewer.")
    .replace("accountId", "role")
    .replace('"12345"', '"boss"')
    .replace("12-digit string", "one of owner, admin, dba, viewer")
)
_TUNER_LIMITS = (
    ("Reads", "100 a minute and member"),
    ("Writes", "30 a minute and member"),
    ("Bulk operations", "10 a minute and member"),
    ("`/auth/…`", "5 a minute and address"),
)
_OPEN = ("/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/auth/invitation", "/.well-known/")

FAMILIES: tuple[About, ...] = (
    About(
        name="health",
        title="Oracle health",
        text="Read-only access to health scores, findings, tickets, the activity log and the team: for ServiceNow, "
        "Grafana, Splunk and dashboards of your own.",
        base="/api/v1",
        credential="API key",
        looks="tv_api_…",
        made="Owners make keys in Settings, API keys. A key reads the data of its tenant; each request is logged.",
        document="/api/v1/health/openapi.json",
        first="/api/v1/health/connections?per_page=5",
        failure='{"error": {"code": "rate_limited", "message": "Rate limit exceeded; …", "retry_after": 60}}',
        limits=(
            ("Enterprise", "100 a minute and key (can be set): everything"),
            ("Business", "60 a minute and key: health data and tickets"),
            ("Team", "30 a minute and key: health data"),
            ("Individual", "no access"),
        ),
        notes=("Lists take `page` and `per_page` (50, at most 100) and answer with `meta`.",),
    ),
    About(
        name="tuner",
        title="Tuner",
        text="AWS accounts, recommendations that save money, and schedules that start and stop resources.",
        base="/api/v1",
        credential="Access token",
        looks="eyJ…",
        made=_TOKENS,
        document="/api/v1/tuner/openapi.json",
        first="/api/v1/accounts",
        failure=_TUNER_FAILURE,
        limits=_TUNER_LIMITS,
        notes=("`/tuner/v1/api/…`, `/tuner/v1/api/v1/…`, `/api/v1/…` and `/api/…` are the same.",),
        open=_OPEN,
    ),
    About(
        name="status",
        title="Status",
        text="Services and their uptime, incidents and maintenance: for pipelines, on-call runbooks and dashboards.",
        base="/api/v1",
        credential="API token",
        looks="ops_…",
        made="Owners make tokens in Settings, API tokens, with the scopes `read:status`, `write:incidents`, "
        "`write:maintenance`; a scope implies no other.",
        document="/api/v1/status/openapi.json",
        first="/api/v1/services?limit=5",
        failure='{"error": "missing required scope: write:incidents"}',
        limits=(("All requests", "120 a minute, token and address (can be set)"),),
        notes=("Lists take `limit` and `offset` and answer with `total`.",),
        open=("/health",),
    ),
    About(
        name="admin",
        title="Administration",
        text="Members, credentials, agents, webhooks, thresholds, services: all that people change.",
        base="/api/v1/admin",
        credential="Access token",
        looks="eyJ…",
        made=_TOKENS,
        document="/api/v1/admin/openapi.json",
        first="/api/v1/admin/tenant",
        failure=_ADMIN_FAILURE,
        limits=_TUNER_LIMITS[:2],
        open=_OPEN,
    ),
    About(
        name="public",
        title="Public status page",
        text="What everybody may read of a tenant's public services. `acme` stands for the tenant.",
        base="/status/api/acme",
        credential="",
        looks="",
        made="None is needed. A page is off until somebody switches it on.",
        document="/status/api/openapi.json",
        first="/status/api/acme/summary",
        failure='{"error": "Resource not found"}',
        limits=(("All requests", "300 a minute and address (can be set)"),),
        notes=("Reads may be kept for 15 seconds by any cache, and read by scripts of any site.",),
    ),
)
BY_NAME = {one.name: one for one in FAMILIES}
