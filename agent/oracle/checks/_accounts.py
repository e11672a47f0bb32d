"""Accounts: passwords that expire, old verifiers, accounts that are locked while in use or open and unused."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from agent.oracle.catalogue import Facts, Query, Row, Seen, Value, Verdict
from agent.oracle.checks._space import closed, many, unseen
from agent.oracle.judging import label, listed, number, of_items, ok, shared, skipped, text, unknown, worst_first
from agent.oracle.queries import USERS
from common.wire import Item, Status

OWN_ACCOUNT = Query(
    name="own_account",
    sql="SELECT username, account_status, expiry_date - SYSDATE AS expires_d FROM user_users",
)

# Joined, so that an account which was locked or has no password at all is told from one that is open.
DEFAULT_PASSWORDS = Query(
    name="default_passwords",
    sql="""
SELECT d.con_id, d.username, u.account_status, u.oracle_maintained
FROM {cdb:users_with_defpwd} d
JOIN {cdb:users} u ON u.con_id = d.con_id AND u.username = d.username
WHERE d.con_id <> 2 AND (d.con_id < 3 OR u.common = 'NO') AND u.authentication_type = 'PASSWORD'
ORDER BY d.con_id, d.username
FETCH FIRST 500 ROWS ONLY
""",
    cost="medium",
)

IN_USE_D = 90.0
NO_ROWS = "DBA_USERS returned no rows"


@dataclass(frozen=True, slots=True)
class Account:
    """A user; a common one counts once, with its last logon in any container. `login_d`: days since then."""

    name: str
    row: Row
    login_d: float | None

    @property
    def status(self) -> str:
        return text(self.row["account_status"])

    @property
    def open(self) -> bool:
        return "LOCKED" not in self.status

    @property
    def by_password(self) -> bool:
        return self.row["authentication_type"] == "PASSWORD"

    @property
    def of_oracle(self) -> bool:
        return self.row["oracle_maintained"] == "Y"


def accounts(seen: Seen) -> list[Account]:
    rows, logins = seen.of(USERS), _logins(seen)
    in_root = {row["username"] for row in rows if row["con_id"] == 1 and row["common"] == "YES"}
    return [
        Account(_name(seen.facts, row), row, logins[_identity(row)])
        for row in rows
        if not (row["common"] == "YES" and row["con_id"] != 1 and row["username"] in in_root)
    ]


def _logins(seen: Seen) -> dict[tuple[Value, Value], float | None]:
    """The latest logon of each user; of a common one in whichever container it was."""
    found: dict[tuple[Value, Value], float | None] = {}
    for row in seen.of(USERS):
        key, ago = _identity(row), number(row["login_d"])
        known = found.get(key)
        found[key] = ago if known is None else known if ago is None else min(known, ago)
    return found


def _identity(row: Row) -> tuple[Value, Value]:
    return (None if row["common"] == "YES" else row["con_id"]), row["username"]


def _name(facts: Facts, row: Row) -> str:
    return label(facts, row["con_id"], shared(facts, "users", row["username"]))


def _unsaid(found: Iterable[Account]) -> list[Item]:
    return [Item(account.name, "unknown", detail="ACCOUNT_STATUS is NULL") for account in found if not account.status]


# --- passwords -----------------------------------------------------------------------------------------------------


def judge_expiry(seen: Seen) -> Verdict:
    """Of applications: accounts that logged on within 90 days. Our own account has a check to itself."""
    found = accounts(seen)
    if not found:
        return unknown(NO_ROWS)
    used = [account for account in found if _expires(account) and account.row["username"] != seen.facts.user]
    items = [item for account in used if (item := _expiry(account, seen))]
    first = min((item.value for item in items if item.value is not None), default=None)
    good = (
        "no password in use expires"
        if first is None
        else f"the first of {len(items)} passwords expires in {first:.0f} days"
    )
    verdict = of_items(items + _unsaid(found) + unseen(seen.facts, seen.of(USERS)), good=good, below=True)
    return replace(verdict, value=first)


def _expires(account: Account) -> bool:
    in_use = account.login_d is not None and account.login_d <= IN_USE_D
    return account.by_password and account.open and in_use and not account.of_oracle


def _expiry(account: Account, seen: Seen) -> Item | None:
    """None: it never expires."""
    left = number(account.row["expires_d"])
    if account.status.startswith("EXPIRED(GRACE)"):
        detail = "is in its grace period" + ("" if left is None else f", {many(max(0.0, round(left)), 'day')} left")
        return Item(account.name, "critical", left, detail)
    if account.status.startswith("EXPIRED"):
        return Item(account.name, "critical", left, "has expired")
    if left is None:
        return None
    return Item(account.name, seen.levels.status(left), round(left, 1), f"expires in {many(round(left), 'day')}")


def judge_own_expiry(seen: Seen) -> Verdict:
    row = next(iter(seen.of(OWN_ACCOUNT)), None)
    if row is None or row["account_status"] is None:
        return unknown("USER_USERS gave no row, or ACCOUNT_STATUS is NULL")
    if "LOCKED" in text(row["account_status"]):
        return skipped("the logon is by the password file: the account behind it is locked and does not matter")
    left = number(row["expires_d"])
    if left is None:
        return ok("the password does not expire")
    grace = " (grace period)" if "GRACE" in text(row["account_status"]) else ""
    return Verdict(status=seen.levels.status(left), line=f"in {many(round(left), 'day')}{grace}", value=round(left, 1))


def judge_default_passwords(seen: Seen) -> Verdict:
    """That Oracle's own accounts came with one matters little while they are both locked and expired."""
    items = [_default_password(row, seen) for row in seen.of(DEFAULT_PASSWORDS)]
    verdict = of_items(items + closed(seen.facts), good="no account has its default password")
    open_ones = [item for item in items if item.status == "critical"]
    line = verdict.line
    if verdict.status in ("critical", "warning", "info"):
        kind = {"critical": "open", "warning": "locked"}.get(verdict.status, "locked and expired, of Oracle")
        alike = [item.name for item in items if item.status == verdict.status]
        line = f"{kind}: {listed(alike)}"
    return replace(verdict, line=line, value=float(len(open_ones)))


def _default_password(row: Row, seen: Seen) -> Item:
    name, state = _name(seen.facts, row), text(row["account_status"])
    if not state:
        return Item(name, "unknown", detail="ACCOUNT_STATUS is NULL")
    if "LOCKED" not in state:
        return Item(name, "critical", 1.0, state)
    harmless = row["oracle_maintained"] == "Y" and "EXPIRED" in state
    return Item(name, "info" if harmless else "warning", 0.0, state)


def judge_verifiers(seen: Seen) -> Verdict:
    """Accounts without a password have none; with 10G alone our own client could not log on either."""
    found = accounts(seen)
    if not found:
        return unknown(NO_ROWS)
    items = [item for account in found if account.by_password and account.open and (item := _verifier(account))]
    verdict = of_items(items + unseen(seen.facts, seen.of(USERS)), good="no open account has a 10G verifier")
    old = [item for item in items if item.status in ("critical", "warning")]
    only = [item for item in old if item.status == "critical"]
    line = f"{many(len(only), 'account')} 10G only: {verdict.line}" if only else verdict.line
    return replace(verdict, line=line, value=float(len(old)))


def _verifier(account: Account) -> Item | None:
    versions = text(account.row["password_versions"]).split()
    if not versions:
        return Item(account.name, "unknown", detail="PASSWORD_VERSIONS is NULL")
    if "10G" not in versions:
        return None
    newer = [version for version in versions if version in ("11G", "12C")]
    status: Status = "warning" if newer else "critical"
    return Item(account.name, status, 1.0, f"10G beside {' '.join(newer)}" if newer else "10G only")


# --- accounts that should not be as they are -----------------------------------------------------------------------

SAMPLES = ("BI", "HR", "IX", "OE", "PM", "SCOTT", "SH")
LOCKED_WHILE_IN_USE_D = 7.0
LOCKED_ON_PURPOSE_D = 30.0


def judge_samples(seen: Seen) -> Verdict:
    """Names are the only evidence, and companies have schemas called HR, too: one that is logged on to is theirs."""
    found = accounts(seen)
    if not found:
        return unknown(NO_ROWS)
    named_so = [account for account in found if account.row["username"] in SAMPLES and not account.of_oracle]
    own = [account for account in named_so if account.login_d is not None and account.login_d <= IN_USE_D]
    samples = [account for account in named_so if account not in own or account.row["username"] == "SCOTT"]
    status = seen.levels.status(len(samples))
    items = [Item(account.name, status, 1.0) for account in samples]
    verdict = of_items(items + unseen(seen.facts, seen.of(USERS)), good="no sample schema")
    return replace(verdict, value=float(len(samples)))


def judge_locked(seen: Seen) -> Verdict:
    """An application's account: it logged on within a week before it was locked. After 30 days it is no accident."""
    found = accounts(seen)
    if not found:
        return unknown(NO_ROWS)
    items = [_locked(account) for account in found if _of_application(account)]
    good = "no account in use is locked"
    verdict = of_items(worst_first(items + _unsaid(found) + unseen(seen.facts, seen.of(USERS))), good=good)
    return replace(verdict, value=float(len(items)))


def _of_application(account: Account) -> bool:
    locked = number(account.row["locked_d"])
    if account.open or account.of_oracle or account.login_d is None:
        return False
    since = 0.0 if locked is None else locked
    return since < LOCKED_ON_PURPOSE_D and account.login_d - since <= LOCKED_WHILE_IN_USE_D


def _locked(account: Account) -> Item:
    timed = "LOCKED(TIMED)" in account.status
    since = f" since {text(account.row['locked_at'])}" if account.row["locked_at"] else ""
    detail = ("LOCKED(TIMED)" if timed else "LOCKED") + since
    return Item(account.name, "warning" if timed else "critical", 1.0, detail)


SCHEMA_ONLY = (
    "Lock them, or set INACTIVE_ACCOUNT_TIME in the profile (12.2+). Owners of schemas that never log on are better "
    "made schema-only (18c+): ALTER USER x NO AUTHENTICATION."
)


def judge_inactive(seen: Seen) -> Verdict:
    """Without a logon since the column exists (12.1), an account is as old as it was created."""
    found = accounts(seen)
    if not found:
        return unknown(NO_ROWS)
    items = [_inactive(account, seen) for account in found if _could_log_on(account)]
    unused = [item for item in items if item.status == "warning"]
    verdict = of_items(items + _unsaid(found) + unseen(seen.facts, seen.of(USERS)), good="every open account is in use")
    if not unused or verdict.status != "warning":
        return verdict
    oldest = max(unused, key=lambda item: item.value or 0.0)
    line = f"{many(len(unused), 'account')}, oldest {oldest.value:.0f} d ({oldest.name})"
    never = any("never" in item.detail for item in unused)
    return replace(verdict, line=line, value=oldest.value, fix=SCHEMA_ONLY if never else None)


def _could_log_on(account: Account) -> bool:
    """By itself and with a password that has not run out."""
    directly = account.row["proxy_only_connect"] != "Y" and account.row["authentication_type"] != "NONE"
    valid = account.status.startswith(("OPEN", "EXPIRED(GRACE)"))
    return account.open and valid and not account.of_oracle and directly


def _inactive(account: Account, seen: Seen) -> Item:
    created = number(account.row["created_d"])
    days = created if account.login_d is None else account.login_d
    if days is None:
        return Item(account.name, "unknown", detail="LAST_LOGIN and CREATED are NULL")
    how = "never logged on" if account.login_d is None else "last logon"
    return Item(account.name, seen.levels.status(days), round(days), f"{how}, {days:.0f} d")
