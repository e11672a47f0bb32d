"""The loop around the calls, in a time of its own: pauses, deadlines and refusals of every kind in any order."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.aws.messages import Target
from agent.power.act import Switching
from agent.power.batches import grouped
from agent.power.calling import Site
from agent.power.messages import Answer, Call, Switched
from agent.power.pacing import BURST, RATE

SITE = Target("111122223333", "arn:aws:iam::111122223333:role/fieldpost")
THROTTLED = "RequestLimitExceeded"
TRANSIENT = (THROTTLED, "InternalError", "ReadTimeoutError")
BAD = ("OperationNotPermitted", "UnauthorizedOperation", "IncorrectInstanceState")


@dataclass
class Ec2:
    """A model of EC2 in one region: all of a batch or nothing, and now and then nothing for nobody's fault."""

    bad: dict[str, str]
    names: bool
    troubles: list[str] = field(default_factory=list)
    latency_s: float = 0.1
    now: float = 0.0
    calls: list[float] = field(default_factory=list)
    stopped: Counter[str] = field(default_factory=Counter)

    def client(self, service: str, region: str) -> "Ec2":
        assert (service, region) == ("ec2", "eu-west-1")
        return self

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def stop_instances(self, *, InstanceIds: Sequence[str], DryRun: bool) -> None:  # noqa: N803 - as boto3 has them
        assert not DryRun
        self.calls.append(self.now)
        self.now += self.latency_s
        trouble = self.troubles.pop() if self.troubles else ""
        if trouble == "ReadTimeoutError":
            raise ReadTimeoutError(endpoint_url="https://ec2.eu-west-1.amazonaws.com")
        if trouble:
            raise refusal(trouble, "not now", 503)
        wrong = next((name for name in InstanceIds if name in self.bad), "")
        if wrong:
            raise refusal(self.bad[wrong], f"the instance '{wrong}' may not" if self.names else "no", 400)
        self.stopped.update(InstanceIds)


def refusal(code: str, message: str, status: int) -> ClientError:
    said: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "StopInstances")


def ids(count: int) -> list[str]:
    return [f"i-{number:017x}" for number in range(count)]


def run(ec2: Ec2, count: int, *, within_s: float) -> dict[str, Switched]:
    """What was said, each once."""
    said: list[Answer] = []
    calls = [Call(name, "EC2", "STOP") for name in ids(count)]
    site = Site(SITE, "eu-west-1", ec2)
    Switching(site, said.append, within_s, grouped(calls), clock=lambda: ec2.now, sleep=ec2.sleep).run()
    answers = [one for one in said if isinstance(one, Switched)]
    assert Counter(one.resource for one in answers) == Counter(ids(count))
    return {one.resource: one for one in answers}


@given(
    count=st.integers(1, 70),
    data=st.data(),
    naming=st.sampled_from(["names", "names nobody"]),
    troubles=st.lists(st.sampled_from(TRANSIENT), max_size=12),
    within_s=st.floats(0, 200),
)
@settings(max_examples=80, deadline=None)
def test_in_any_weather_each_call_is_answered_once_and_truthfully(
    count: int, data: st.DataObject, naming: str, troubles: list[str], within_s: float
) -> None:
    bad = data.draw(st.dictionaries(st.sampled_from(ids(count)), st.sampled_from(BAD)))
    ec2 = Ec2(bad, naming == "names", troubles)
    said = run(ec2, count, within_s=within_s)
    accepted = {name for name, one in said.items() if one.outcome == "accepted"}
    assert accepted == set(ec2.stopped)
    assert not accepted & set(bad)
    for name in set(said) - accepted:
        assert said[name].code in {bad.get(name, "Deadline"), "Deadline", *TRANSIENT}
    assert all(begun < within_s for begun in ec2.calls)
    for place, begin in enumerate(ec2.calls):
        for later, end in enumerate(ec2.calls[place:]):
            assert later <= BURST + RATE * (end - begin) + 1e-6


@given(st.data(), st.sampled_from(["names", "names nobody"]), st.lists(st.just(THROTTLED), max_size=5))
@settings(max_examples=40, deadline=None)
def test_with_time_enough_throttling_changes_nothing_but_the_time(
    data: st.DataObject, naming: str, troubles: list[str]
) -> None:
    bad = data.draw(st.dictionaries(st.sampled_from(ids(45)), st.sampled_from(BAD), max_size=6))
    ec2 = Ec2(bad, naming == "names", list(troubles))
    said = run(ec2, 45, within_s=1000)
    assert {name: one.code for name, one in said.items() if one.outcome == "refused"} == bad
    calm = Ec2(bad, naming == "names")
    run(calm, 45, within_s=1000)
    assert len(ec2.calls) == len(calm.calls) + len(troubles)


def test_throttled_until_the_deadline_is_said_to_be_that() -> None:
    ec2 = Ec2({}, names=True, troubles=[THROTTLED] * 50)
    said = run(ec2, 3, within_s=60)
    assert {one.code for one in said.values()} == {THROTTLED}
    assert ec2.now < 60 + ec2.latency_s
    assert len(ec2.calls) < 20


def test_one_that_aws_fails_over_each_time_is_found_and_the_others_are_stopped() -> None:
    ec2 = Ec2({ids(40)[7]: "InternalError"}, names=False)
    said = run(ec2, 40, within_s=300)
    assert {name: one.code for name, one in said.items() if one.outcome == "refused"} == {ids(40)[7]: "InternalError"}
    assert len(ec2.calls) <= 12


def test_no_answer_three_times_is_not_asked_again_of_each() -> None:
    ec2 = Ec2({}, names=True, troubles=["ReadTimeoutError"] * 50)
    said = run(ec2, 40, within_s=300)
    assert {one.code for one in said.values()} == {"ReadTimeoutError"}
    assert len(ec2.calls) == 3
    assert said[ids(1)[0]].detail == "no answer in time (ReadTimeoutError)"


def test_whoever_could_not_be_tried_before_the_deadline_is_told_so() -> None:
    ec2 = Ec2({}, names=True, latency_s=10)
    said = run(ec2, 120, within_s=15)
    assert Counter(one.code or one.outcome for one in said.values()) == {"accepted": 100, "Deadline": 20}
