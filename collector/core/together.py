"""Jobs of one kind that do their work in one go, and one by one where that fails."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collector.core.writer import Job, Outcome

Attempt = Callable[["Job"], "Outcome"]


class Many(Protocol):
    """Work for many callers: one result for each item, in their order; an exception among them is its caller's."""

    def __call__(self, conn: Any, key: object, items: Sequence[Any], /) -> Sequence[Any]: ...


def turns(group: Iterable["Job"]) -> Iterator[list["Job"]]:
    """Who has a turn alone, and who share one: the same work under the same key, for the same tenant."""
    shared: dict[object, list[Job]] = {}
    for job in group:
        if job.together is None:
            yield [job]
        else:
            shared.setdefault((job.work, job.together, job.who), []).append(job)
    yield from shared.values()


def attempt(jobs: list["Job"], alone: Attempt) -> list["Outcome"]:
    """What becomes of each."""
    if jobs[0].together is None:
        return [alone(jobs[0])]
    first = jobs[0]
    whole = alone(replace(first, args=(first.together, [job.args[0] for job in jobs])))
    if whole.error is None:
        return [_outcome(whole, job, value) for job, value in zip(jobs, whole.value, strict=True)]
    if len(jobs) == 1:
        return [replace(whole, job=first)]
    return [one for job in jobs for one in attempt([job], alone)]


def _outcome(whole: "Outcome", job: "Job", value: object) -> "Outcome":
    if isinstance(value, BaseException):
        return replace(whole, job=job, value=None, error=value)
    return replace(whole, job=job, value=value)
