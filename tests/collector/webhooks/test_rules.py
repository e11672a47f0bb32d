"""Signatures that the reference library accepts, the retry schedule, and what an answer means."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from collector.domain.webhooks import rules
from collector.domain.webhooks.rules import Attempt
from common.clock import utc_now

AT = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)


def test_the_reference_library_accepts_the_signature() -> None:
    secret, body, at = rules.new_secret(), json.dumps({"event": "alert.triggered"}), int(utc_now().timestamp())
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(at),
        "webhook-signature": rules.sign(secret, "msg_1", at, body.encode()),
    }
    assert Webhook(secret).verify(body, headers) == {"event": "alert.triggered"}


def test_secrets_have_the_documented_form_and_are_never_the_same() -> None:
    one, other = rules.new_secret(), rules.new_secret()
    assert one.startswith("whsec_")
    assert one != other
    with pytest.raises(ValueError, match="base64"):
        rules.sign("whsec_é", "msg_1", 1, b"")


@pytest.mark.parametrize(
    ("status", "tries", "verdict"),
    [
        (200, 1, "delivered"), (204, 9, "delivered"), (301, 1, "later"), (None, 1, "later"), (500, 9, "later"),
        (500, 10, "dead"), (None, 10, "dead"), (410, 1, "gone"), (400, 1, "later"), (400, 4, "dead"),
        (401, 4, "later"), (429, 9, "later"), (404, 9, "later"),
    ],
)  # fmt: skip
def test_what_follows_from_an_answer(status: int | None, tries: int, verdict: str) -> None:
    assert rules.judge(Attempt(AT, status, 3, "" if status in {200, 204} else "no"), tries) == verdict


@given(failures=st.integers(1, 50), chance=st.floats(0, 0.999), asked=st.floats(0, 1e7))
def test_a_retry_comes_close_to_its_schedule_and_not_before_it_was_asked_for(
    failures: int, chance: float, asked: float
) -> None:
    delay = rules.next_try(Attempt(AT, 503, 3, retry_after_s=asked), failures, chance) - AT
    planned = rules.DELAYS[min(failures, 9) - 1]
    assert delay >= min(timedelta(seconds=asked), timedelta(hours=24))
    assert planned * 0.9 <= delay <= max(planned * 1.1, timedelta(seconds=asked))


def test_an_endpoint_is_given_up_after_days() -> None:
    assert not rules.given_up(None, AT)
    assert not rules.given_up(AT, AT + timedelta(days=4, hours=23))
    assert rules.given_up(AT, AT + timedelta(days=5))


def test_events_are_those_of_the_contract() -> None:
    assert rules.parse_events(["alert.resolved", "alert.triggered"]) == ("alert.triggered", "alert.resolved")
    with pytest.raises(ValueError, match=r"events: 'alert.\*'; expected some of health_check.completed"):
        rules.parse_events(["alert.*"])
