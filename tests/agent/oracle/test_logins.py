"""What a failed logon means: nobody gets in, or only we do not - and when the next one may be tried."""

from datetime import UTC, datetime, timedelta

import pytest

from agent.oracle.logins import classify, timed_out

AT = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
REFUSED = "DPY-6005: cannot connect to database (CONNECTION_ID=x).\n[Errno 111] Connection refused"
UNKNOWN_SERVICE = (
    "DPY-6005: cannot connect to database (CONNECTION_ID=x).\n"
    'DPY-6001: Service "nope" is not registered with the listener at host "h" port 1521. (Similar to ORA-12514)'
)


@pytest.mark.parametrize(
    ("message", "code", "kind", "down"),
    [
        ("ORA-01017: invalid credential or not authorized; logon denied", "ORA-01017", "credentials", False),
        ("ORA-28000: The account is locked.", "ORA-28000", "credentials", False),
        ("ORA-28001: The account's password has expired.", "ORA-28001", "credentials", False),
        ("ORA-01045: user X lacks CREATE SESSION privilege", "ORA-01045", "credentials", False),
        ("ORA-01033: ORACLE initialization or shutdown in progress", "ORA-01033", "instance", False),
        ("ORA-01035: ORACLE only available to users with RESTRICTED SESSION", "ORA-01035", "instance", False),
        ("ORA-01034: ORACLE not available", "ORA-01034", "instance", True),
        (UNKNOWN_SERVICE, "ORA-12514", "service", True),
        (REFUSED, "ORA-12541", "listener", True),
        ("DPY-6005: x\n[Errno 111] Connect call failed ('10.0.0.1', 1521)", "ORA-12541", "listener", True),
        ("DPY-6005: x\n[SSL: CERTIFICATE_VERIFY_FAILED] unable to", "DPY-6005", "network", True),
        ("DPY-6005: x\n[Errno -2] Name or service not known", "ORA-12545", "network", True),
        ("DPY-6005: x\ntimed out", "ORA-12170", "network", True),
        ("DPY-4011: the database or network closed the connection", "DPY-4011", "network", True),
        ("DPY-3015: password verifier type 0x939 is not supported", "DPY-3015", "client", False),
        ("ORA-12660: Encryption or crypto-checksumming parameters incompatible", "ORA-12660", "client", False),
        ("", "DPY-0000", "network", True),
    ],
)
def test_each_error_has_a_code_and_a_class(message: str, code: str, kind: str, *, down: bool) -> None:
    failure = classify(message)
    assert (failure.code, failure.kind, failure.means_down) == (code, kind, down)
    assert failure.code in str(failure)
    assert "\n" not in str(failure)


def test_an_error_that_says_nothing_is_told_by_the_line_below_it() -> None:
    told = str(classify("DPY-6005: cannot connect to database (CONNECTION_ID=x).\n[SSL: CERTIFICATE_VERIFY_FAILED]"))
    assert told == "DPY-6005: [SSL: CERTIFICATE_VERIFY_FAILED]"


@pytest.mark.parametrize("code", ["ORA-01017", "ORA-28001", "ORA-01045"])
def test_refused_credentials_are_not_tried_again_for_a_quarter_of_an_hour(code: str) -> None:
    assert classify(f"{code}: no").next_try(AT) == AT + timedelta(minutes=15)


def test_a_locked_account_is_left_alone_longer() -> None:
    assert classify("ORA-28000: locked").next_try(AT) == AT + timedelta(hours=1)


def test_other_failures_may_be_tried_again_at_once() -> None:
    assert timed_out(20).next_try(AT) is None
    assert classify(REFUSED).next_try(AT) is None
