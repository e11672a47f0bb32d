import pytest

from agent.oracle import plan
from tests.agent.oracle.cases import Case, CaseFile, Got, all_checks, cap, compare, files, judge

CASES = list(files())


@pytest.mark.parametrize(("file", "case"), CASES, ids=[f"{file.check}: {case.name}" for file, case in CASES])
def test_the_verdict_is_the_expected_one(file: CaseFile, case: Case) -> None:
    check, verdict, expected = all_checks()[file.check], judge(file, case), case.expect
    fix = verdict.fix or check.remediation
    got = Got(
        status=verdict.status,
        line=verdict.line,
        value=verdict.value,
        items=verdict.items,
        cap=cap(check, verdict),
        fix=fix,
        note=verdict.note,
        severity=plan.capped(verdict.status, check.ceiling),
    )
    compare(got, expected)


def test_a_column_that_the_statement_does_not_select_is_refused() -> None:
    check = next(check for check in all_checks().values() if check.queries)
    file = CaseFile(check=check.id, cases=[], rows={check.queries[0].name: [{"no_such_column": 1}]})
    case = Case(name="strange", expect=CASES[0][1].expect)
    with pytest.raises(ValueError, match="no_such_column"):
        judge(file, case)
