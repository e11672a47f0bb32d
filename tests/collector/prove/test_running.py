"""How proofs are run: each in its own folder and time, and whatever breaks one is said."""

import asyncio
import signal
import sys
from pathlib import Path

import msgspec
import pytest

from collector.prove import processes
from collector.prove.proof import Proof, State, Terms, Verdict
from collector.prove.report import Report, Result, as_json, last_lines, lines
from collector.prove.running import Plan, run
from tests.collector.prove.proofs import proof


async def holds(terms: Terms) -> Verdict:
    (terms.folder / "made").write_text("something")
    return Verdict(state="held", did="looked", counts={"lost": 0})


async def fails(_terms: Terms) -> Verdict:
    raise ValueError("the ground is wet")


async def run_one(folder: Path, one: Proof, *, keep: bool = False) -> Result:
    told: list[Result] = []
    plan = Plan(proofs=[one], seed=7, quick=True, folder=folder, keep=keep)
    assert await run(plan, told.append) == told
    return told[0]


async def test_a_proof_that_holds_leaves_nothing(tmp_path: Path) -> None:
    result = await run_one(tmp_path, proof(holds))
    assert (result.state, result.counts, result.seed, result.kept) == ("held", {"lost": 0}, 7, "")
    assert names_in(tmp_path) == []


async def test_what_a_proof_made_is_kept_when_asked_for(tmp_path: Path) -> None:
    result = await run_one(tmp_path, proof(holds), keep=True)
    assert (Path(result.kept) / "made").read_text() == "something"


async def test_a_proof_that_raises_is_broken_with_the_reason_and_its_folder_is_kept(tmp_path: Path) -> None:
    result = await run_one(tmp_path, proof(fails))
    assert (result.state, result.why) == ("broken", "ValueError: the ground is wet")
    assert "the ground is wet" in (Path(result.kept) / "traceback.txt").read_text()


async def test_what_broke_in_tasks_side_by_side_is_named(tmp_path: Path) -> None:
    async def fails_beside(terms: Terms) -> Verdict:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails(terms))
        raise AssertionError

    assert (await run_one(tmp_path, proof(fails_beside))).why == "ValueError: the ground is wet"


async def test_whatever_a_proof_leaves_running_is_ended_with_what_that_started(tmp_path: Path) -> None:
    async def leaves(terms: Terms) -> Verdict:
        command = ["sh", "-c", f"sleep 60 & echo $! > {tmp_path / 'pid'}; wait"]
        process = await processes.start(command, log=terms.folder / "log")
        await until_written(tmp_path / "pid")
        return Verdict(state="held", did="", counts={"pid": process.pid})

    folder = tmp_path / "work"
    folder.mkdir()
    result = await run_one(folder, proof(leaves))
    for pid in (result.counts["pid"], int((tmp_path / "pid").read_text())):
        assert not is_running(pid)


async def test_whatever_runs_is_ended_though_the_run_itself_is_killed(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, signal\n"
        "from pathlib import Path\n"
        "from collector.prove import processes\n"
        "async def main():\n"
        "    async with processes.gathered():\n"
        f"        one = await processes.start(['sleep', '600'], log=Path({str(tmp_path / 'log')!r}))\n"
        "        print(one.pid, flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())"
    )
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    said, _ = await killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    async with asyncio.timeout(60):
        await until_ended(int(said))


async def test_nothing_of_the_hosts_own_installation_reaches_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIELDPOST_DATABASE", "postgresql://production")
    said = await processes.run(["env"], log=tmp_path / "log")
    assert "production" not in said
    assert "PATH=" in said


def test_the_report_says_how_to_run_what_broke_again() -> None:
    broken = a_result("P4", "broken")
    report = Report(version="1", seed=7, quick=True, seconds=3.2, results=[a_result("P1", "held"), broken])
    assert not report.held
    assert list(last_lines(report)) == [
        "1 held, 1 broken; seed 7, 3 s",
        "again: fieldpost-collector prove P4 --seed 7 --quick",
    ]
    assert msgspec.json.decode(as_json(report))["results"][1]["state"] == "broken"


def test_what_was_not_run_breaks_nothing_and_is_listed_with_the_reason() -> None:
    result = a_result("P3", "not_run")
    assert Report(version="1", seed=7, quick=False, seconds=0, results=[result]).held
    assert "     why: because" in list(lines(result))


def a_result(name: str, state: State) -> Result:
    return Result(id=name, title="t", state=state, did="", counts={}, why="because", seconds=1, seed=7, kept="")


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def is_written(path: Path) -> bool:
    return path.exists() and bool(path.read_text())


async def until_written(path: Path) -> None:
    while not is_written(path):  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.01)


async def until_ended(pid: int) -> None:
    while is_running(pid):  # noqa: ASYNC110 - another process ends it
        await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False
