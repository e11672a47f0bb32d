"""What people decide about recommendations, as forms say it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal

from pydantic import Field

from collector.api.tuner.bulk import MOST
from collector.api.tuner.decisions import MAX_DAYS, Words
from collector.domain.access.rules import Act
from collector.domain.costs.deciding import Decision, Made
from collector.web import filters, forms

Id = Annotated[str, Field(min_length=1, max_length=64)]
USUAL_DAYS = 30
_DONE = {"IMPLEMENTED": "marked as implemented", "DISMISSED": "dismissed"}
_NAMES = {"GENERATED": "open", "SNOOZED": "snoozed", "IMPLEMENTED": "implemented", "DISMISSED": "dismissed"}


class Choice(forms.Form):
    """One decision; `until`: the day on which what is put off comes back, `reason`: also the notes."""

    action: Literal["implement", "snooze", "dismiss"]
    reason: Words = ""
    until: date | None = None


class Choices(Choice):
    """The same decision about several."""

    id: Annotated[tuple[Id, ...], Field(max_length=MOST)] = ()


def asked(pairs: Sequence[tuple[str, str]], act: Act) -> tuple[list[str], Decision]:
    """What is to be decided about which ones, each once."""
    given = forms.check(pairs, Choices)
    if not given.id:
        raise forms.NotFilled({"": "Choose at least one recommendation."}, forms.shown(pairs))
    return list(dict.fromkeys(given.id)), decision(given, act)


def decision(given: Choice, act: Act) -> Decision:
    """`NotFilled` where something is missing for it."""
    match given.action:
        case "implement":
            return Decision(status="IMPLEMENTED", reason=given.reason, by=act.by, at=act.at)
        case "snooze":
            return Decision(status="SNOOZED", reason=given.reason, until=_until(given, act.at))
        case "dismiss":
            return Decision(status="DISMISSED", reason=given.reason)


def usual(now: datetime) -> str:
    """The day that is offered for putting something off."""
    return (now + timedelta(days=USUAL_DAYS)).date().isoformat()


def told(made: Mapping[str, Made], wanted: Decision) -> str:
    """In a line what became of a decision about several: also what was refused, and why."""
    refused = Counter(refusal(one) for one in made.values() if refusal(one))
    done = len(made) - sum(refused.values())
    said = [f"{filters.plural(done, 'recommendation')} {word(wanted)}"] if done else []
    said += [f"{number} left as {'it was' if number == 1 else 'they were'}: {why}" for why, number in refused.items()]
    return ". ".join(said) + "."


def word(wanted: Decision) -> str:
    return f"snoozed until {wanted.until:%Y-%m-%d}" if wanted.until else _DONE[wanted.status]


def refusal(made: Made) -> str:
    """Why a recommendation was left as it was; empty where it was not."""
    if made.known is None:
        return "not there any more"
    if made.refusal is None:
        return ""
    if made.known.ended_at is not None:
        return "no longer found by the last scan, so there is nothing left to decide"
    return f"{_NAMES[made.known.status]} already"


def _until(given: Choice, now: datetime) -> datetime:
    latest = (now + timedelta(days=MAX_DAYS)).date()
    if given.until is None:
        raise forms.NotFilled({"until": "missing; expected the day on which it comes back"}, _shown(given))
    if not now.date() < given.until <= latest:
        expected = f"a day from tomorrow to {latest}"
        raise forms.NotFilled({"until": f"{given.until}; expected {expected}"}, _shown(given))
    return datetime.combine(given.until, time(), UTC)


def _shown(given: Choice) -> Mapping[str, str]:
    return {"reason": given.reason, "until": given.until.isoformat() if given.until else ""}
