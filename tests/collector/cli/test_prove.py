"""`fieldpost-collector prove`: which proofs, under which terms, and what it will not take."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.cli import app
from collector.prove import catalogue
from collector.prove.proof import Terms, Verdict
from tests.collector.prove.proofs import proof

SEEN: list[Terms] = []


async def holds(terms: Terms) -> Verdict:
    SEEN.append(terms)
    return Verdict(state="held", did="looked around", counts={"lost": 0, "doubled": 0})


async def breaks(_terms: Terms) -> Verdict:
    return Verdict(state="broken", did="looked around", counts={"lost": 3}, why="lost 3")


async def cannot(_terms: Terms) -> Verdict:
    return Verdict(state="not_run", did="", why="there is no ptrace")


@pytest.fixture(autouse=True)
def few_proofs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    SEEN.clear()
    monkeypatch.setattr(catalogue, "PROOFS", (proof(holds, "P1"), proof(breaks, "P2"), proof(cannot, "P3")))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def prove(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["prove", *words])
    return done.exit_code, done.output


def test_what_was_not_run_is_listed_and_breaks_nothing() -> None:
    code, said = prove("P1", "p3", "--seed", "7")
    assert code == 0
    assert "P1   held" in said
    assert "P3   not run" in said
    assert "why: there is no ptrace" in said
    assert "1 held, 1 not run; seed 7" in said


def test_one_that_is_broken_ends_with_1_and_says_how_to_run_it_again() -> None:
    code, said = prove("--quick", "--seed", "7")
    assert code == 1
    assert "P2   BROKEN" in said
    assert "again: fieldpost-collector prove P2 --seed 7 --quick" in said


def test_json_has_the_same_and_nothing_else_is_printed() -> None:
    code, said = prove("P1", "--json", "--seed", "7")
    found = json.loads(said)
    assert code == 0
    assert found["seed"] == 7
    assert found["results"][0]["counts"] == {"lost": 0, "doubled": 0}


def test_the_terms_reach_the_proof(tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    prove(
        "P1", "--quick", "--seed", "9", "--keep", str(keep), "--postgresql", "postgresql://me@127.0.0.1:5432/postgres"
    )
    terms = SEEN[0]
    assert (terms.seed, terms.quick, terms.postgresql) == (9, True, "postgresql://me@127.0.0.1:5432/postgres")
    assert terms.folder.is_relative_to(keep)
    assert terms.folder.is_dir()


def test_a_password_comes_in_a_file_and_never_as_an_argument(tmp_path: Path) -> None:
    url = "postgresql://me:secret@127.0.0.1:5432/postgres"
    code, said = prove("P1", "--postgresql", url)
    assert code == 2
    assert "secret" not in said
    assert SEEN == []
    assert list(tmp_path.iterdir()) == []
    file = tmp_path / "url"
    file.write_text(url + "\n")
    assert prove("P1", "--postgresql-file", str(file))[0] == 0
    assert SEEN[0].postgresql == url


@pytest.mark.parametrize("url", ["mysql://x@y/z", "postgresql:///only", "nothing"])
def test_another_url_is_refused(url: str) -> None:
    code, said = prove("P1", "--postgresql", url)
    assert (code, SEEN) == (2, [])
    assert "expected" in said


def test_an_unknown_proof_is_refused_with_those_that_there_are() -> None:
    code, said = prove("P99")
    assert code == 2
    assert "P1, P2, P3" in said


def test_the_list_runs_nothing() -> None:
    code, said = prove("--list")
    assert (code, SEEN) == (0, [])
    assert "a proof" in said


def test_nothing_is_left_where_everything_held(tmp_path: Path) -> None:
    prove("P1")
    assert list(tmp_path.glob("fieldpost-prove-*")) == []
