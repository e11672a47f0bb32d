"""What cases in YAML cannot say of sessions and statements: every waiter has one blocker, texts stay on the host."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.oracle.catalogue import Row
from agent.oracle.checks import catalogue
from agent.oracle.checks._hang_chains import CHAINS
from agent.oracle.checks._session_limits import limit
from agent.oracle.checks._session_waits import lasting
from tests.agent.oracle import builders

WAITS = st.dictionaries(st.integers(1, 12), st.integers(1, 12), max_size=12)


def waiter(sid: int, blocker: int, **own: Any) -> Row:
    return {
        "chain_id": 1, "chain_is_cycle": "FALSE", "instance": 1, "sid": sid, "serial": 7, "blocker_is_valid": "TRUE",
        "blocker_instance": 1, "blocker_sid": blocker, "blocker_chain_id": 1, "num_waiters": 0,
        "in_wait_secs": 10 * sid, "wait_event_text": "enq: TX - row lock contention", **own,
    }  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(WAITS)
def test_every_waiting_session_belongs_to_exactly_one_chain(waits: Mapping[int, int]) -> None:
    check = catalogue()["HANG_CHAIN"]
    rows = [waiter(sid, blocker) for sid, blocker in waits.items()]
    verdict = check.judge(builders.seen(check, rows={CHAINS.name: rows}))
    counted = sum(int(item.detail.split()[0]) for item in verdict.items)
    assert counted == len(waits)


@pytest.mark.parametrize(
    ("written", "expected"),
    [("       500", 500.0), (" UNLIMITED", None), ("UNLIMITED", None), ("         0", None), (None, None), ("", None)],
)
def test_a_limit_is_a_padded_string(written: str | None, expected: float | None) -> None:
    row: Row = {"resource_name": "sessions", "limit_value": written, "initial_allocation": "        1"}
    assert limit(row) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h 0 min"), (12_000, "3 h 20 min")],
)
def test_a_duration_reads_like_speech(seconds: float, expected: str) -> None:
    assert lasting(seconds) == expected


@pytest.mark.parametrize(("share", "told"), [(("users",), False), (("users", "sql"), True)])
def test_the_text_of_a_statement_leaves_the_host_only_where_that_is_allowed(
    share: tuple[str, ...], *, told: bool
) -> None:
    check = catalogue()["TOP_SQL_ELAPSED"]
    text = "select * from cards where number = '4111111111111111'"
    statement: Row = {
        "sql_id": "9hx2abcdefghi", "plan": 12, "executions": 10, "elapsed_time": 9e8, "cpu_time": 1, "buffer_gets": 1,
        "disk_reads": 1, "sql_text": text,
    }  # fmt: skip
    rows: dict[str, list[Row]] = {
        "top_statements": [statement],
        "time_model": [{"scope": "INSTANCE", "stat_name": "DB time", "value": 1_200_000_000}],
        "instance": [{"started_s": 5.0}],
    }
    before = {"DB time": 0.0, "9hx2abcdefghi 12": 0.0, "started_s": 5.0, "instance": 1.0}
    facts = builders.facts(share=frozenset(share))
    verdict = check.judge(builders.seen(check, rows=rows, facts=facts, history=[(900, before)]))
    assert verdict.status == "warning"
    assert (text in verdict.items[0].detail) == told
    assert text not in verdict.line
