"""What factors share: whom they leave alone, what tags say of a resource, and how a finding is put together."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from agent.aws.catalogue import MIN_SAMPLE_SHARE, Estimate, Evidence, Risk, excluded
from agent.aws.prices.price import Price
from agent.aws.snapshot import Reading, Resource, Series, Snapshot, tags_of

FREE = Price(0.0, "LIVE_LIST", "9999-12-31")
"""What is no longer paid: certain, and of any day."""
MB = 1_000_000
FIVE_MINUTES = 300

_MANAGED = re.compile(
    r"aws:(autoscaling|backup|dlm|elasticbeanstalk|ecs)|eks:|elasticbeanstalk:|kubernetes\.io/|k8s\.io/"
    r"|elbv2\.k8s\.aws/|ebs\.csi\.aws\.com/|karpenter\.sh/|alpha\.eksctl\.io/"
)
_STAGE = re.compile(r"env|environment|stage|tier|lifecycle", re.IGNORECASE)
_PRODUCTION = re.compile(r"prod|prd|production|live", re.IGNORECASE)
_OTHER_STAGE = re.compile(
    r"(dev|devel|development|test|testing|qa|uat|int|integration|sandbox|stag(e|ing)|stg|demo|poc|lab|training"
    r"|non[-_ ]?prod(uction)?|pre[-_ ]?prod(uction)?)[-_ ]?\d*",
    re.IGNORECASE,
)
_SCHEDULE = re.compile(
    r"(^|[:/_-])(schedule|scheduler|offhours|onhours|maid_offhours|autostop|autostart)$", re.IGNORECASE
)
_STANDBY = re.compile(
    r"(^|[^a-z])(dr|disaster[-_ ]?recovery|pilot[-_ ]?light|fail[-_ ]?over|(warm|cold|hot)?[-_ ]?standby|reserved)"
    r"([^a-z]|$)",
    re.IGNORECASE,
)
_RETAINED = re.compile(
    r"retain|retention|compliance|do[-_ ]?not[-_ ]?delete|(^|[^a-z])(keep|hold|legal|audit)([^a-z]|$)", re.IGNORECASE
)
_NO = frozenset({"", "false", "no", "none", "0"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A month before and after."""

    now: Price
    then: Price = FREE

    @property
    def pays(self) -> bool:
        """False where both are known and nothing is saved; what is not known is worth saying."""
        return self.now.value is None or self.then.value is None or self.now.value > self.then.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom a finding is about. `since`: when it came to be; `days`: what window its metrics are of, if any."""

    resource_id: str
    resource: Resource
    tags: Mapping[str, str]
    since: datetime | None = None
    days: int = 0
    protected: bool = False
    name: str = ""


def kept(resources: Iterable[Resource], key: str) -> Iterator[Resource]:
    """Without those that their owner took out."""
    return (resource for resource in resources if not excluded(tags_of(resource), key))


def finding(
    snapshot: Snapshot,
    subject: Subject,
    cost: Cost,
    *,
    description: str,
    action: str,
    cli: str,
    risk: Risk,
    confidence: Literal["HIGH", "MEDIUM", "LOW"] = "HIGH",
    metadata: Mapping[str, object],
    evidence: Sequence[Evidence] = (),
    contains: Iterable[str] = (),
    about: str = "",
) -> Estimate:
    """A finding with what all of them say: age, tags, window; production raises the risk, a stack lowers the trust."""
    total = cost.now.plus(cost.then)
    estimate = Estimate(
        resource_id=subject.resource_id,
        resource_name=subject.name or subject.tags.get("Name", subject.resource_id),
        description=description,
        action=action,
        cli=f"{cli} --region {snapshot.region}",
        current=cost.now.value,
        recommended=cost.then.value,
        label=total.label,
        price_as_of="" if total.label == "UNKNOWN" else total.as_of,
        risk=raised(risk) if subject.protected or is_production(subject.tags) else risk,
        confidence=confidence,
        metadata={**metadata, **_common(snapshot, subject)},
        evidence=tuple(evidence),
        contains=tuple(contains),
        about=about,
    )
    drifts = "aws:cloudformation:stack-name" in subject.tags
    return replace(estimate, confidence="MEDIUM") if drifts and confidence == "HIGH" else estimate


def _common(snapshot: Snapshot, subject: Subject) -> dict[str, object]:
    common: dict[str, object] = {"tags": dict(subject.tags)}
    if subject.since:
        common["ageDays"] = int(snapshot.age_days(subject.since))
    if subject.days:
        begin = snapshot.at - timedelta(days=subject.days)
        common["window"] = {"from": begin.isoformat(), "to": snapshot.at.isoformat()}
    return common


def estimated(price: Price) -> Price:
    """The same, said to rest on an assumption; what is not known stays so."""
    return price.plus(Price(0.0, "ESTIMATE", price.as_of))


def raised(risk: Risk) -> Risk:
    return "MEDIUM" if risk == "LOW" else "HIGH"


# --- what tags say -------------------------------------------------------------------------------------------------


def is_managed(tags: Mapping[str, str]) -> bool:
    """Whether something else makes and removes it: a group, a cluster, a backup plan."""
    return any(_MANAGED.match(key) or "kubernetes.io/" in key for key in tags)


def is_production(tags: Mapping[str, str]) -> bool:
    return any(_STAGE.search(key) and _PRODUCTION.fullmatch(value) for key, value in tags.items())


def is_not_production(tags: Mapping[str, str]) -> bool:
    return any(_STAGE.search(key) and _OTHER_STAGE.fullmatch(value) for key, value in tags.items())


def is_scheduled(tags: Mapping[str, str]) -> bool:
    return any(_SCHEDULE.search(key) for key in tags)


def is_standby(tags: Mapping[str, str]) -> bool:
    """Whether it is there for the day that something else fails."""
    return says(tags, _STANDBY)


def is_retained(tags: Mapping[str, str]) -> bool:
    """Whether someone says that it must be kept."""
    return says(tags, _RETAINED)


def says(tags: Mapping[str, str], pattern: re.Pattern[str]) -> bool:
    """Whether an owner's tag says so, by its value or, unless that is a no, by its key."""
    own = ((key, value) for key, value in tags.items() if not key.startswith(("aws:", "fieldpost:")))
    return any(pattern.search(value) or (pattern.search(key) and value.lower() not in _NO) for key, value in own)


# --- metrics -------------------------------------------------------------------------------------------------------


def series_of(namespace: str, metric: str, stat: str, dimensions: Mapping[str, str], *, days: int) -> Series:
    """A series whose dimensions are only known at run time, by their own names."""
    return Series(namespace, metric, stat, tuple(sorted(dimensions.items())), days)


def step_of(reading: Reading, days: int) -> int:
    """Seconds between the datapoints of one resource: some publish every minute, others every five."""
    return 60 if reading.samples > days * 86_400 / FIVE_MINUTES * 1.05 else FIVE_MINUTES


def coverage(reading: Reading, days: int) -> float:
    """The share of the window that has datapoints."""
    return min(1.0, reading.samples * step_of(reading, days) / (days * 86_400))


def too_few(reading: Reading | None, days: int) -> str | None:
    """Why a series that is always published does not prove anything."""
    if reading is None:
        return "no datapoint"
    share = coverage(reading, days)
    return None if share >= MIN_SAMPLE_SHARE else f"datapoints for {share:.0%} of {days} days"


def too_young(snapshot: Snapshot, since: datetime, days: float) -> str | None:
    age = snapshot.age_days(since)
    return None if age >= days else f"{age:.0f} days old, {days:.0f} are needed"
