"""Pure: which requests name a thing of a tenant by its id in the path of an operation or of a page."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from collector.prove.proofs._belongings import CHECK

OWN_SLUG = "acme"
"""Of the tenant that asks, whose status page is asked for what is on another's."""
_NOBODYS = {"findings": CHECK, "thresholds": CHECK, "tags": "prod", "page": OWN_SLUG}
"""Ids that are everybody's, or one's own, by the word before them."""
_OPEN = frozenset({"docs", "manual", "images", "activity", "status"})
"""What everybody may read, or what is no id at all."""
_ELSEWHERE = {
    ("public", "api"): "page",
    ("incidents", "rules"): "incident-rules",
    ("public", "badge"): "services",
    ("agents", "tokens"): "enrolment-tokens",
    ("members", "browsers"): "browsers",
    ("members", "programs"): "sessions",
    ("status-page", "subscribers"): "subscriptions",
    ("settings", "rules"): "alert-rules",
    ("tuner", "jobs"): "tuner jobs",
}
"""Where the word before an id does not say of what it is: with the family, or a word that stands before."""


_ID = re.compile("{[^}]*}")


class Route(NamedTuple):
    """An operation of a family, or a page."""

    family: str
    method: str
    template: str


class Asked(NamedTuple):
    """A request about another tenant's thing, and the same about what nobody has; `ids`: of both, in their order."""

    route: Route
    path: str
    nobodys: str
    ids: Sequence[tuple[str, str]]


class Walk(NamedTuple):
    """`without_object`: about things of which the other tenant has none; `without_id`: how many name nothing."""

    asked: Sequence[Asked]
    without_object: Sequence[str]
    without_id: int


def walk(routes: Iterable[Route], ids: Mapping[str, str]) -> Walk:
    asked: list[Asked] = []
    without: list[str] = []
    plain = 0
    for route in routes:
        words = [re.sub(r":\w+}", "}", word) for word in route.template.split("/")]
        places = [place for place, word in enumerate(words) if word.startswith("{") and word != "{action}"]
        keys = [_key(route.family, words, place) for place in places]
        theirs = [key for key in keys if key not in _NOBODYS and key not in _OPEN]
        if not theirs:
            plain += 1
        elif any(key not in ids for key in theirs):
            without.append(f"{route.method} {route.template}")
        else:
            asked += _asked(route, words, dict(zip(places, keys, strict=True)), ids)
    return Walk(asked, without, plain)


def _key(family: str, words: Sequence[str], place: int) -> str:
    before = words[place - 1]
    near = (_ELSEWHERE.get((word, before)) for word in (family, *words[:place]))
    return next((key for key in near if key), before)


def _asked(route: Route, words: Sequence[str], keys: Mapping[int, str], ids: Mapping[str, str]) -> list[Asked]:
    theirs, nobodys = list(words), list(words)
    pairs: list[tuple[str, str]] = []
    for place, key in keys.items():
        one = ids.get(key, _NOBODYS.get(key, ""))
        none = unlike(one) if key in ids else one
        theirs[place], nobodys[place] = (_ID.sub(value, words[place]) for value in (one, none))
        if key in ids:
            pairs.append((one, none))
    actions = _ACTIONS.get(words[-3], ("",)) if words[-1] == "{action}" else ("",)
    return [
        Asked(route, "/".join(theirs).replace("{action}", one), "/".join(nobodys).replace("{action}", one), pairs)
        for one in actions
    ]


_ACTIONS: Mapping[str, Sequence[str]] = {
    "maintenance": ("start", "complete", "cancel"),
    "webhooks": ("pause", "resume", "test", "remove"),
    "rules": ("enable", "disable", "remove"),
}


def unlike(one: str) -> str:
    """An id of the same form that nothing has."""
    if one.isdigit():
        return str(int(one) + 700_000) if len(one) < 12 else "".join(str(9 - int(digit)) for digit in one)  # noqa: PLR2004 - an AWS account
    return one[:-8] + one[-8:].translate(_TURNED)


_TURNED = str.maketrans("0123456789abcdefghjkmnpqrstvwxyz", "123456789abcdefghjkmnpqrstvwxyz0")
