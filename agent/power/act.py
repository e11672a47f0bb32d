"""Starts and stops what schedules apply to; nothing else in the agent changes anything in an account. Loads boto3.

Calls go out in batches, at most two a second, and every answer is said at once. What one resource is refused for costs
no other its turn: a refused batch is taken apart, and goes on behind those that have not been tried.
"""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import msgspec
from botocore.exceptions import ClientError

from agent.aws.messages import Failed
from agent.aws.session import AccountError, AWSError, code_of, entered, message_of, own, status_of, why
from agent.power.batches import Batch, after_refusal, after_success, grouped
from agent.power.calling import Said, Site, make
from agent.power.messages import Answer, Call, Switched, SwitchRequest
from agent.power.pacing import Bucket, OutOfTimeError, pause_s
from agent.power.refusals import named, reach
from agent.power.retries import classify
from common.wire_aws import ResourceType

DEADLINE = "Deadline"
_NO_HIBERNATION = "UnsupportedHibernationConfiguration"
_TRIES = 3
_CALL_TIMEOUT_S = 8.0  # with connecting, within the grace that the parent gives after the deadline
_SERVICE: dict[ResourceType, str] = {"EC2": "ec2", "RDS": "rds", "ASG": "autoscaling"}

Say = Callable[[Answer], None]


def switch(request: SwitchRequest, say: Say) -> int:
    """Answer each call once, the last of them at the deadline; how many calls to AWS it took."""
    ends = time.monotonic() + request.deadline_s
    with own() as through:
        try:
            access = entered(through, request.target, request.region)
        except AccountError as error:
            say(Failed(str(error)))
            return through.calls
        with access, access.once(timeout_s=_CALL_TIMEOUT_S) as once:
            site = Site(request.target, request.region, once)
            Switching(site, say, ends, grouped(request.calls)).run()
            return sum({id(one): one.calls for one in (through, access, once)}.values())


@dataclass(slots=True)
class Switching:
    """Batches under way. `paused`: by service how often in a row it had to be left alone, and until when."""

    site: Site
    say: Say
    ends: float
    queue: list[Batch]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    bucket: Bucket = field(default_factory=Bucket)
    paused: dict[str, tuple[int, float]] = field(default_factory=dict)
    awake: set[str] = field(default_factory=set)

    def run(self) -> None:
        try:
            while self.queue:
                self._step(self._place())
        except OutOfTimeError:
            for batch in self.queue:
                self._tell(batch.every, _overdue(batch))

    def _place(self) -> int:
        """Of the first batch whose service is not to be left alone; waits for one."""
        while True:
            now = self.clock()
            until = [self.paused.get(batch.first.type, (0, now))[1] for batch in self.queue]
            free = next((place for place, time_ in enumerate(until) if time_ <= now), None)
            if free is not None:
                return free
            self._wait(min(until) - now)

    def _wait(self, seconds: float) -> None:
        if self.clock() + seconds >= self.ends:
            raise OutOfTimeError
        if seconds:
            self.sleep(seconds)

    def _turn(self) -> None:
        self._wait(self.bucket.take(self.clock()))

    def _step(self, place: int) -> None:
        batch = self.queue[place]
        self._wait(0)
        try:
            said = make(self.site, batch, self._turn)
        except AWSError as error:
            self._refused(place, error)
            return
        self._over(place)
        self._tell(batch.calls, said)
        self.queue += after_success(batch)

    def _refused(self, place: int, error: Exception) -> None:
        batch, code = self.queue[place], code_of(error) or type(error).__name__
        answered = isinstance(error, ClientError)
        far = reach(code, status_of(error)) if answered else "moment"
        if far == "moment":
            tries = batch.tries + (classify(code) != "throttled")
            if tries < _TRIES:
                self._pause(batch.first.type)
                self.queue[place] = replace(batch, tries=tries, code=code)
                return
        self._over(place)
        if far == "all" or not answered:
            self._tell(batch.every, _refusal(batch, error))
        else:
            self._take_apart(batch, error)

    def _over(self, place: int) -> None:
        """Its service answers, and what is left of the batch comes back at the end."""
        self.paused.pop(self.queue.pop(place).first.type, None)

    def _pause(self, service: str) -> None:
        often = self.paused.get(service, (0, 0.0))[0] + 1
        self.paused[service] = (often, self.clock() + pause_s(often, random.uniform))

    def _take_apart(self, batch: Batch, error: Exception) -> None:
        blamed = batch.calls if len(batch.calls) == 1 else named(batch.calls, message_of(error))
        code = code_of(error)
        if code == _NO_HIBERNATION and batch.first.hibernate:
            self._stop_plainly(blamed)
        else:
            self._tell(blamed, _refusal(batch, error))
        self.queue += after_refusal(replace(batch, code=code), blamed)

    def _stop_plainly(self, calls: Iterable[Call]) -> None:
        plain = [msgspec.structs.replace(call, hibernate=False) for call in calls]
        self.awake.update(call.resource for call in plain)
        self.queue += grouped(plain)

    def _tell(self, calls: Iterable[Call], said: Said) -> None:
        for call in calls:
            plainly = call.resource in self.awake and said.outcome != "refused"
            detail = "without hibernation, which it is not configured for" if plainly else said.detail
            self.say(Switched(call.resource, call.action, said.outcome, said.code, detail))


def _refusal(batch: Batch, error: Exception) -> Said:
    operation = getattr(error, "operation_name", batch.first.action)
    return Said(
        "refused", code_of(error) or type(error).__name__, why(error, f"{_SERVICE[batch.first.type]}:{operation}")
    )


def _overdue(batch: Batch) -> Said:
    """Throttling is named, because it is worth another try for longer than anything else."""
    if classify(batch.code) == "throttled":
        return Said("refused", batch.code, "throttled by AWS until the deadline")
    return Said("refused", DEADLINE, f"no time left; last refused with {batch.code}" if batch.code else "no time left")
