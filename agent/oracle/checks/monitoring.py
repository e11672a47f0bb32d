"""Monitoring: whether the agent itself can do its work on this target."""

from agent.oracle.catalogue import Check, Seen, States, Verdict
from agent.oracle.judging import ok


def judge_login(seen: Seen) -> Verdict:
    """The account or the instance refuses us, which is not an outage of the database."""
    if seen.login.ok:
        return ok("logged on")
    return Verdict(status="critical", line=seen.login.text)


CHECKS = (
    Check(
        id="AGENT_LOGIN",
        category="monitoring",
        title="Monitoring account cannot log on",
        unit="state",
        levels=States("ORA-28002 (password about to expire)", "ORA-01017, ORA-28000, ORA-28001, ORA-28009, ORA-01045"),
        judge=judge_login,
        remediation="Correct the stored secret, unlock or renew the account, or grant CREATE SESSION; "
        "the database itself is not judged down.",
        source="OWN; oracle #372, #373",
        interval_s=900,
        scope="root",
        mount=False,
    ),
)
