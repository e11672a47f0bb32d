"""What became of the proofs, as a table for people and as JSON."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap

import msgspec

from collector.prove.proof import Proof, State

_WIDTH = 110
_WORDS: Mapping[State, str] = {"held": "held", "broken": "BROKEN", "not_run": "not run"}


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one proof; `kept`: the folder that was left, "" where there is none."""

    id: str
    title: str
    state: State
    did: str
    counts: dict[str, int]
    why: str
    seconds: float
    seed: int
    kept: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run. `version`: of the program that was looked at."""

    version: str
    seed: int
    quick: bool
    seconds: float
    results: Sequence[Result]

    @property
    def held(self) -> bool:
        """Nothing is broken. What was not run is neither, and is listed."""
        return all(result.state != "broken" for result in self.results)


def as_json(report: Report) -> str:
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def lines(result: Result) -> Iterator[str]:
    """One proof, as it is shown when it has ended."""
    yield f"{result.id:<4} {_WORDS[result.state]:<8} {result.seconds:7.1f} s  {result.title}"
    if result.did:
        yield from _indented(result.did)
    if result.counts:
        yield from _indented(", ".join(f"{name} {count}" for name, count in result.counts.items()))
    if result.why:
        yield from _indented(f"{'why: ' if result.state != 'held' else ''}{result.why}")
    if result.kept:
        yield from _indented(f"left in {result.kept}")


def last_lines(report: Report) -> Iterator[str]:
    """The sum, and how to run what broke again."""
    counted = Counter(result.state for result in report.results)
    said = ", ".join(f"{counted[state]} {word.lower()}" for state, word in _WORDS.items() if counted[state])
    yield f"{said or 'nothing was run'}; seed {report.seed}, {report.seconds:.0f} s"
    broken = [result.id for result in report.results if result.state == "broken"]
    if broken:
        quick = " --quick" if report.quick else ""
        yield f"again: fieldpost-collector prove {' '.join(broken)} --seed {report.seed}{quick}"


def listed(proofs: Sequence[Proof]) -> list[tuple[str, str, str, str]]:
    """What there is: id, title, and how long it takes."""
    return [(one.id, one.title, f"{one.quick_s} s", f"{one.full_s} s") for one in proofs]


def _indented(text: str) -> Iterator[str]:
    return iter(wrap(text, _WIDTH, initial_indent="     ", subsequent_indent="     ", break_long_words=False))
