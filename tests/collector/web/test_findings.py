"""Outcomes are sorted into what is wrong, what nobody knows and what is left out."""

from datetime import UTC, datetime, timedelta
from typing import Any

from collector.domain.alerts.rules import Alert
from collector.domain.fleet.inspecting import Checked
from collector.domain.mutes.rules import FindingMark
from collector.domain.results.rules import Outcome
from collector.domain.tickets.rules import Ticket
from collector.domain.tickets.search import Marked
from collector.web.oracle import findings, stories
from common.wire import Severity, Status

T0 = datetime(2026, 5, 14, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)


def checked(
    check: str, status: Status, *, category: str = "redo_logs", enabled: bool = True, **changes: Any
) -> Checked:
    severity: Severity = status if status in {"critical", "warning"} else "info"
    outcome = Outcome(
        check=check,
        category=category,
        status=status,
        severity=changes.pop("severity", severity),
        line=changes.pop("line", ""),
        cap=None,
        interval_s=3600,
        observed_at=changes.pop("at", T0),
        title=check,
        enabled=enabled,
    )
    usual: dict[str, Any] = {
        **dict.fromkeys(("value", "warning", "critical", "since", "confirmed", "series_id", "mute", "acknowledged")),
        "unit": "",
        "origin": "default",
        "items": (),
        "remediation": "",
        "fix": "",
        "ticket_id": None,
    }
    return Checked(outcome=outcome, **{**usual, **changes})


MUTE = FindingMark(1, "M", "mute", "ana@example.com", "known", T0, None)


def test_checks_are_sorted_by_what_they_say_about_now() -> None:
    found = findings.sort(
        [
            checked("W", "warning"),
            checked("C", "critical", category="objects"),
            checked("N", "warning", severity="info"),
            checked("M", "critical", mute=MUTE),
            checked("OLD", "critical", at=T0 - 10 * HOUR),
            checked("GONE", "critical", at=T0 - 10 * HOUR, enabled=False),
            checked("U", "unknown", fix="GRANT SELECT ON SYS.V_$LOG TO F;\nGRANT SELECT ON SYS.V_$SESSION TO F;"),
            checked("U2", "unknown", fix="GRANT SELECT ON SYS.V_$LOG TO F;"),
            checked("S1", "skipped", line="needs RAC"),
            checked("S2", "skipped", line="needs RAC"),
            checked("S3", "skipped", line="needs ASM"),
            checked("F", "ok"),
        ],
        reachable=True,
        now=T0 + HOUR,
    )
    assert [one.check for one in found.findings] == ["C", "W", "N"]
    assert [one.check for one in found.muted] == ["M"]
    assert [one.check for one in found.unknown] == ["OLD", "U", "U2"]
    assert found.unknown[0].doubt.startswith("No result since")
    assert [one.check for one in found.blind] == ["U", "U2"]
    assert found.grants == ["GRANT SELECT ON SYS.V_$LOG TO F;", "GRANT SELECT ON SYS.V_$SESSION TO F;"]
    assert [(one.text, len(one.checks)) for one in found.skipped] == [("needs RAC", 2), ("needs ASM", 1)]
    assert [one.check for one in found.fine] == ["F"]


def test_a_database_that_is_down_leaves_everything_else_in_doubt() -> None:
    found = findings.sort([checked("DB_CONNECT", "critical"), checked("W", "warning")], reachable=False, now=T0 + HOUR)
    assert [one.check for one in found.findings] == ["CONNECTION_FAILED"]
    assert [one.check for one in found.unknown] == ["W"]


def test_values_are_written_with_their_units() -> None:
    said = [
        findings.quantity(value, unit) for value, unit in ((96.4, "%"), (3.0, "count"), (1.0, "state"), (None, "%"))
    ]
    assert said == ["96.4 %", "3", "", ""]
    assert findings.quantity(12345.678, "MB") == "12,346 MB"
    assert findings.quantity(0.01234, "s") == "0.0123 s"
    assert findings.levels(85.0, 95.0, "%") == "warning at 85 %, critical at 95 %"
    assert findings.levels(None, 2.0, "count") == "critical at 2"


def test_what_can_be_copied_is_taken_out_of_the_advice() -> None:
    advice = "Raise it: `ALTER SYSTEM SET x = 1` or set `y`."
    assert findings.statements(advice, "") == ["ALTER SYSTEM SET x = 1"]
    assert findings.statements(advice, "ALTER SYSTEM SET x = 7;\n") == ["ALTER SYSTEM SET x = 7;"]
    assert [part.text for part in findings.parts(advice) if part.code] == ["ALTER SYSTEM SET x = 1", "y"]


def alert(hour: int, severity: Severity, *, sent: bool = True) -> Alert:
    at = T0 + hour * HOUR
    return Alert(
        tenant_id=1,
        id=hour,
        agent_id="a",
        connection_id=1,
        check_id="C",
        rule="finding",
        severity=severity,
        title="C",
        line=f"line {hour}",
        value=None,
        threshold=None,
        unit="",
        state="resolved",
        triggered_at=at,
        sent_at=at if sent else None,
        resolved_at=at + HOUR,
    )


def test_a_ticket_tells_how_bad_its_finding_was_and_when() -> None:
    ticket = Ticket(
        tenant_id=1,
        id=1,
        connection_id=1,
        check_id="C",
        category="backup",
        title="C",
        severity="warning",
        status="resolved",
        metric_line="",
        remediation="",
        first_seen_at=T0,
        last_seen_at=T0 + 5 * HOUR,
        resolved_at=T0 + 6 * HOUR,
        occurrences=3,
    )
    marked = [Marked("finding_acknowledged", T0 + 2 * HOUR, "ana@example.com", "on it")]
    story = stories.of_ticket(ticket, [alert(1, "warning", sent=False), alert(3, "critical")], marked)
    assert [event.what for event in reversed(story)] == [
        "First seen",
        "Began as warning",
        "Acknowledged by ana@example.com",
        "Became critical",
        "Fell to warning",
        "Resolved",
    ]
    assert [event.note for event in story if event.note] == ["held back, nobody was told"]
