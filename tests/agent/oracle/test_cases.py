import pytest

from tests.agent.oracle.cases import Case, CaseFile, all_checks, cap, files, judge

CASES = list(files())


@pytest.mark.parametrize(("file", "case"), CASES, ids=[f"{file.check}: {case.name}" for file, case in CASES])
def test_the_verdict_is_the_expected_one(file: CaseFile, case: Case) -> None:
    check, verdict, expected = all_checks()[file.check], judge(file, case), case.expect
    assert verdict.status == expected.status, verdict
    assert verdict.line, "a verdict says something"
    if expected.value is not None:
        assert verdict.value == pytest.approx(expected.value, rel=1e-3)
    if expected.line is not None:
        assert expected.line in verdict.line
    if expected.items is not None:
        assert len(verdict.items) == expected.items
    assert tuple(item.name for item in verdict.items)[: len(expected.names)] == expected.names
    if expected.cap is not None:
        assert cap(check, verdict) == expected.cap
    if expected.fix is not None:
        assert expected.fix in (verdict.fix or check.remediation)
    if expected.note is not None:
        assert verdict.note is not None
        assert {key: verdict.note.get(key) for key in expected.note} == pytest.approx(expected.note, abs=1e-6, rel=1e-9)


def test_a_column_that_the_statement_does_not_select_is_refused() -> None:
    check = next(check for check in all_checks().values() if check.queries)
    file = CaseFile(check=check.id, cases=[], rows={check.queries[0].name: [{"no_such_column": 1}]})
    case = Case(name="strange", expect=CASES[0][1].expect)
    with pytest.raises(ValueError, match="no_such_column"):
        judge(file, case)
