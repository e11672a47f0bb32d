"""What `doctor` of both programs is made of: looks that end at a deadline, and findings that say what mends them."""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

import msgspec

from common.errors import ConfigurationError
from common.logs import hide_secrets

State = Literal["well", "unwell", "unknown"]
C = TypeVar("C")

_SHOWN: Mapping[State, str] = {"well": "well", "unwell": "NOT WELL", "unknown": "?"}
_INDENT = " " * 10


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at. `unknown`: it could not be found out; `mend`: commands or lines that mend it."""

    id: str
    what: str
    state: State
    detail: str
    mend: str = ""


def well(id_: str, detail: str, *, of: str = "") -> Finding:
    return Finding(id_, of, "well", hide_secrets(detail))


def unwell(id_: str, detail: str, mend: str, *, of: str = "") -> Finding:
    return Finding(id_, of, "unwell", hide_secrets(detail), hide_secrets(mend))


def untold(id_: str, detail: str, mend: str = "", *, of: str = "") -> Finding:
    return Finding(id_, of, "unknown", hide_secrets(detail), hide_secrets(mend))


@dataclass(frozen=True, slots=True)
class Look(Generic[C]):
    """One look. `titles`: the ids of what it may find, each with what people call it; it only reads."""

    titles: Mapping[str, str]
    look: Callable[[C], Iterable[Finding]]
    deadline_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Report:
    """`hung`: a look still waits for something; only the end of the process ends it."""

    findings: tuple[Finding, ...]
    hung: bool = False

    @property
    def well(self) -> bool:
        return all(finding.state != "unwell" for finding in self.findings)


@dataclass(slots=True)
class _Running(Generic[C]):
    look: Look[C]
    context: C
    found: list[Finding] = field(default_factory=list)
    error: BaseException | None = None

    def run(self) -> None:
        try:
            for finding in self.look.look(self.context):
                self.found.append(self._named(finding))
        except (ConfigurationError, OSError) as error:
            self.found.append(self._named(unwell(next(iter(self.look.titles)), str(error), "mend what it names")))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self.error = error

    def _named(self, finding: Finding) -> Finding:
        title = self.look.titles[finding.id]
        return msgspec.structs.replace(finding, what=f"{title} of {finding.what}" if finding.what else title)


def examine(looks: Sequence[Look[C]], context: C) -> Report:
    """All looks at once, each in a thread of its own; one that does not end in time says so."""
    running = [_Running(look, context) for look in looks]
    threads = [threading.Thread(target=one.run, name="doctor", daemon=True) for one in running]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    hung = False
    findings: list[Finding] = []
    for one, thread in zip(running, threads, strict=True):
        thread.join(max(0.0, began + one.look.deadline_s - time.monotonic()))
        findings += list(one.found)
        if thread.is_alive():
            hung = True
            findings.append(_given_up(one.look))
        if one.error is not None:
            raise one.error
    return Report(tuple(findings), hung)


def _given_up(look: Look[C]) -> Finding:
    id_, title = next(iter(look.titles.items()))
    detail = f"no answer within {look.deadline_s:g} s; what comes after it was not looked at"
    return Finding(id_, title, "unknown", detail, "run it again; when it hangs again, look at the disk and the network")


def within(seconds: float, work: Callable[[], C]) -> C:
    """What blocking work gives, or TimeoutError; for calls that take no deadline, such as resolving a name."""
    result: list[C] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            result.append(work())
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
            errors.append(error)

    thread = threading.Thread(target=run, name="doctor", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not result:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return result[0]


# --- telling -------------------------------------------------------------------------------------------------------


def as_json(report: Report) -> str:
    return json.dumps([msgspec.to_builtins(finding) for finding in report.findings], indent=2)


def as_text(report: Report) -> str:
    """One line for what is well; for the rest what mends it below it."""
    lines: list[str] = []
    for finding in report.findings:
        lines.append(f"{_SHOWN[finding.state]:<8}  {finding.what}: {finding.detail}")
        if finding.mend and finding.state != "well":
            lines += [f"{_INDENT}[{finding.id}] mend it by:", *(f"{_INDENT}  {line}" for line in _lines(finding.mend))]
    bad = sum(finding.state == "unwell" for finding in report.findings)
    unknown = sum(finding.state == "unknown" for finding in report.findings)
    told = f"{len(report.findings)} looked at, {bad} not well" + (f", {unknown} not known" if unknown else "")
    return "\n".join([*lines, told])


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def end(report: Report) -> int:
    """The exit code; ends the process at once when a look hangs, for the interpreter would wait for it."""
    code = 0 if report.well else 1
    if report.hung:
        sys.stdout.flush()
        os._exit(code)
    return code
