"""Proofs, each in a folder of its own and within its time; what they leave running is ended, what broke is kept."""

import asyncio
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from collector.prove import processes
from collector.prove.proof import Proof, Terms, Verdict
from collector.prove.report import Result

SLACK = 5
GRACE_S = 120
"""A proof that takes so many times its usual time, and so long on top, hangs."""

Tell = Callable[[Result], None]


class Plan(Struct, frozen=True, kw_only=True):
    """Which proofs, and under which terms; `folder` exists and is ours. `keep`: leave what each one made."""

    proofs: Sequence[Proof]
    seed: int
    quick: bool
    folder: Path
    keep: bool = False
    postgresql: str | None = None
    parallel: int = 1


async def run(plan: Plan, tell: Tell) -> list[Result]:
    """Every proof of the plan, in its order; `tell` hears of each one as soon as it has ended."""
    places = asyncio.Semaphore(plan.parallel)

    async def one(proof: Proof) -> Result:
        async with places:
            result = await _run_one(plan, proof)
        tell(result)
        return result

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(proof)) for proof in plan.proofs]
    return [task.result() for task in tasks]


async def run_until_stopped(plan: Plan, tell: Tell) -> list[Result]:
    """The same; SIGTERM stops it as Ctrl-C does, and what was started is ended."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run(plan, tell)


async def _run_one(plan: Plan, proof: Proof) -> Result:
    folder = plan.folder / proof.id
    folder.mkdir()
    folder.chmod(0o711)  # another user's PostgreSQL has its own folder in it
    terms = Terms(seed=plan.seed, quick=plan.quick, folder=folder, postgresql=plan.postgresql)
    began = time.monotonic()
    try:
        verdict = await _verdict(proof, terms)
    finally:
        seconds = time.monotonic() - began
    kept = plan.keep or verdict.state == "broken"
    if not kept:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return Result(
        id=proof.id,
        title=proof.title,
        state=verdict.state,
        did=verdict.did,
        counts=dict(verdict.counts),
        why=verdict.why,
        seconds=round(seconds, 1),
        seed=plan.seed,
        kept=str(folder) if kept else "",
    )


async def _verdict(proof: Proof, terms: Terms) -> Verdict:
    usual = proof.quick_s if terms.quick else proof.full_s
    limit = SLACK * usual + GRACE_S
    try:
        async with processes.gathered(), asyncio.timeout(limit):
            return await proof.run(terms)
    except TimeoutError:
        why = f"it had not ended after {limit} s, or something in it had not: {_where(terms.folder)}"
    except Exception as error:  # noqa: BLE001 - a proof that cannot be brought to its end has not held, whatever it is
        why = "; ".join(f"{type(one).__name__}: {one}" for one in _leaves(error))
        (terms.folder / "traceback.txt").write_text(traceback.format_exc())
    return Verdict(state="broken", did=f"{proof.title}: was not brought to its end", why=why)


def _leaves(error: Exception) -> Iterator[Exception]:
    """What went wrong in tasks that ran side by side."""
    if not isinstance(error, ExceptionGroup):
        yield error
        return
    for one in error.exceptions:
        yield from _leaves(one)


def _where(folder: Path) -> str:
    (folder / "traceback.txt").write_text(traceback.format_exc())
    return str(folder / "traceback.txt")
