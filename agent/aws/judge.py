"""Pure: what all factors say of a snapshot, as recommendations: excluded ones left out, one primary per resource."""

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import msgspec

from agent.aws.catalogue import Book, Estimate, Estimator, Evidence, Factor, Kind, Result, Settler, Undecided, excluded
from agent.aws.collections import COLLECTIONS
from agent.aws.readings import METRICS
from agent.aws.snapshot import Snapshot, tags_of
from common import wire_aws
from common.clock import iso
from common.wire_aws import Recommendation

_KINDS: tuple[Kind, ...] = ("DELETE", "STOP", "RIGHTSIZE", "MODERNIZE", "COMMIT")
_TEXT = 4000
_RESOURCE = 512
_COST_STEP = 1.25
_MATERIAL = (
    "type",
    "currentType",
    "recommendedType",
    "class",
    "instanceClass",
    "recommendedClass",
    "engine",
    "engineVersion",
    "multiAz",
    "sizeGiB",
    "iops",
    "throughput",
    "nodeType",
    "memorySize",
)
"""The facts of a resource that make an old decision about it void when they change."""

_NOT_ASKED = "AWS tells what else decides of one thing a call, and was asked about those that save more"
_BAD_DATA = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What a factor raises over a resource that is not as AWS documents it; it costs this factor and no other."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`judged`: the factors whose word counts; the others could not read what they need. `gone`: see `Scan`."""

    recommendations: tuple[Recommendation, ...]
    undecided: tuple[wire_aws.Undecided, ...]
    judged: tuple[str, ...]
    gone: tuple[str, ...] = ()


@dataclass(slots=True)
class _Verdict:
    """What one factor said. `small`: found, and not worth the least amount."""

    factor: Factor
    found: list[Estimate] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)
    small: set[str] = field(default_factory=set)
    unread: str = ""

    def holds(self, resource: str) -> bool:
        """Whether it is not said that this resource is well."""
        return resource in self.small | {one.resource_id for one in self.found} | {
            one.resource_id for one in self.undecided
        }


def judge(
    look: Snapshot,
    factors: Iterable[Factor],
    book: Book,
    *,
    home: bool = True,
    known: Iterable[str] = (),
    min_savings: Mapping[str, float] | None = None,
) -> Judgement:
    """`known`: identities (`factor/resource`) that the last scan of this region found."""
    least = min_savings or {}
    asked = [factor for factor in factors if home or not factor.home]
    verdicts: dict[str, _Verdict] = {}
    for factor in sorted(asked, key=lambda factor: factor.settle is not None):
        follows = replace(factor, estimate=_after(factor.settle, verdicts)) if factor.settle else factor
        verdicts[factor.key] = _verdict(look, follows, book, least.get(factor.key, factor.min_savings))
    primary = primaries(_found(verdicts))
    return Judgement(
        tuple(
            _recommendation(look, verdict.factor, one, primary[_subject(verdict.factor, one)])
            for verdict in verdicts.values()
            for one in verdict.found
        ),
        tuple(_counts(verdicts.values())),
        tuple(key for key, verdict in verdicts.items() if not verdict.unread),
        tuple(sorted(_gone(look, verdicts, known))),
    )


def worth(look: Snapshot, factors: Iterable[Factor], book: Book, *, home: bool) -> dict[str, float | None]:
    """By resource what would be found of it by the factors that ask something last."""
    asking = [one for one in factors if (home or not one.home) and _last(one)]
    verdicts = [_verdict(look, factor, book, factor.min_savings) for factor in asking]
    return {one.resource_id: one.savings for verdict in verdicts for one in verdict.found}


def _last(factor: Factor) -> tuple[str, ...]:
    return tuple(name for name in (*factor.collections, *factor.optional) if COLLECTIONS[name].late)


def identity(factor: str, resource: str) -> str:
    return f"{factor}/{resource}"


Subject = tuple[str, str]
"""A resource by the sort of thing that it is and its name: a cache and a database may have the same."""


def primaries(found: Iterable[tuple[Factor, Estimate]]) -> dict[Subject, str]:
    """By resource the factor to follow: what ends it before what shrinks it, then what saves more.

    What is in the cost of another resource gives way to the finding of that one.
    """
    by_resource: dict[Subject, list[tuple[Factor, Estimate]]] = defaultdict(list)
    for factor, one in found:
        by_resource[_subject(factor, one)].append((factor, one))
    best = {resource: min(all_, key=_rank) for resource, all_ in by_resource.items()}
    within = {(_subject(factor, one)[0], name): factor.key for factor, one in best.values() for name in one.contains}
    return {resource: within.get(resource, factor.key) for resource, (factor, _) in best.items()}


def _subject(factor: Factor, one: Estimate) -> Subject:
    return one.about or factor.about or factor.service, one.resource_id


def _found(verdicts: Mapping[str, _Verdict]) -> list[tuple[Factor, Estimate]]:
    return [(verdict.factor, one) for verdict in verdicts.values() for one in verdict.found]


def _after(settle: Settler, verdicts: Mapping[str, _Verdict]) -> Estimator:
    """Judged with what is found so far and would be followed."""
    found = _found(verdicts)
    primary = primaries(found)
    followed = [one for factor, one in found if primary[_subject(factor, one)] == factor.key]

    def estimate(snapshot: Snapshot, book: Book) -> Iterable[Result]:
        return settle(snapshot, book, followed)

    return estimate


def _rank(found: tuple[Factor, Estimate]) -> tuple[int, float, int]:
    factor, one = found
    return _KINDS.index(factor.kind), -(one.savings or 0.0), factor.number


# --- one factor ----------------------------------------------------------------------------------------------------


def _verdict(look: Snapshot, factor: Factor, book: Book, least: float) -> _Verdict:
    verdict = _Verdict(factor)
    verdict.unread = look.lacks(factor.collections) or (look.lacks((METRICS,)) if factor.metrics else None) or ""
    if verdict.unread:
        return verdict
    try:
        results = list(factor.estimate(look, book))
    except _BAD_DATA as error:
        verdict.unread = f"not as expected: {type(error).__name__} {error}"
        return verdict
    for result in results:
        _sort(verdict, result, least)
    _leave_open(look, verdict)
    return verdict


def _leave_open(look: Snapshot, verdict: _Verdict) -> None:
    """What is asked last is asked of the dearest findings only."""
    asked = [look.asked[name] for name in _last(verdict.factor) if name in look.asked]
    for one in verdict.found if asked else ():
        if not any(one.resource_id in ids for ids in asked):
            verdict.undecided.append(Undecided(one.resource_id, _NOT_ASKED))
    if asked:
        verdict.found = [one for one in verdict.found if any(one.resource_id in ids for ids in asked)]


def _sort(verdict: _Verdict, result: Result, least: float) -> None:
    if isinstance(result, Undecided):
        verdict.undecided.append(result)
    elif excluded(_tags(result), verdict.factor.key) or (result.savings is not None and result.savings < least):
        verdict.small.add(result.resource_id)
    else:
        verdict.found.append(result)


def _tags(one: Estimate) -> Mapping[str, str]:
    tags = one.metadata.get("tags")
    return {str(key): str(value) for key, value in tags.items()} if isinstance(tags, Mapping) else {}


def _counts(verdicts: Iterable[_Verdict]) -> Iterator[wire_aws.Undecided]:
    for verdict in verdicts:
        if verdict.unread:
            yield wire_aws.Undecided(verdict.factor.key, 0, verdict.unread[:_TEXT])
        elif verdict.undecided:
            reason = verdict.undecided[0].reason[:_TEXT]
            yield wire_aws.Undecided(verdict.factor.key, len(verdict.undecided), reason)


def _gone(look: Snapshot, verdicts: Mapping[str, _Verdict], known: Iterable[str]) -> Iterator[str]:
    """Known findings that their factor, asked again, no longer has anything to say of."""
    kept = _excluded_ids(look)
    for name in known:
        key, _, resource = name.partition("/")
        verdict = verdicts.get(key)
        if verdict and not verdict.unread and not verdict.holds(resource) and not _taken_out(kept, resource, key):
            yield name


def _excluded_ids(look: Snapshot) -> dict[str, Mapping[str, str]]:
    """The tags of everything that its owner has taken out, by each text that may be its id."""
    found: dict[str, Mapping[str, str]] = {}
    for items in look.resources.values():
        for item in items:
            tags = tags_of(item)
            if excluded(tags, "ALL") or any(name == "fieldpost:exclude" for name in tags):
                found |= {value: tags for value in item.values() if isinstance(value, str)}
    return found


def _taken_out(kept: Mapping[str, Mapping[str, str]], resource: str, key: str) -> bool:
    return excluded(kept.get(resource, {}), key)


# --- as the collector is told --------------------------------------------------------------------------------------


def _recommendation(look: Snapshot, factor: Factor, one: Estimate, primary: str) -> Recommendation:
    unknown = one.savings is None
    return Recommendation(
        factor=factor.key,
        resource=one.resource_id[:_RESOURCE],
        resource_name=one.resource_name[:_RESOURCE],
        service=factor.service,
        category=factor.category,
        description=one.description[:_TEXT],
        action=one.action[:_TEXT],
        cli=one.cli[:_TEXT],
        current_cost=None if unknown else _rounded(one.current),
        recommended_cost=None if unknown else _rounded(one.recommended),
        monthly_savings=_rounded(one.savings),
        price_label="UNKNOWN" if unknown else one.label,
        price_as_of=one.price_as_of,
        risk=one.risk,
        confidence=one.confidence,
        suppressed_by="" if primary == factor.key else primary,
        evidence_hash=evidence_hash(factor.key, one),
        metadata=_metadata(look, factor, one),
        evidence=tuple(_evidence(item) for item in one.evidence),
    )


def evidence_hash(key: str, one: Estimate) -> str:
    """What a decision about a finding rests on: the facts of the resource, and its cost in steps of a quarter."""
    facts = {name: one.metadata[name] for name in _MATERIAL if name in one.metadata}
    step = round(math.log(one.current, _COST_STEP)) if one.current and one.current > 0 else None
    text = json.dumps([key, one.resource_id, facts, step], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _metadata(look: Snapshot, factor: Factor, one: Estimate) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(dict(one.metadata), enc_hook=_plainly)
    common: dict[str, object] = {"accountId": look.account, "region": look.region}
    days = max((series.days for series in factor.metrics(look)), default=0) if factor.metrics else 0
    if days:
        common["window"] = {"from": iso(look.at - timedelta(days=days)), "to": iso(look.at)}
    return common | plain


def _plainly(value: object) -> object:
    return iso(value) if isinstance(value, datetime) else str(value)


def _evidence(item: Evidence) -> wire_aws.Evidence:
    return wire_aws.Evidence(item.metric[:128], item.stat[:128], item.value)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
