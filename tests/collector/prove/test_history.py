"""Many writers and one history: what cannot be is found, and nothing else."""

from collector.prove.proofs._history import Try, contradictions


def attempt(message: str, status: str, began: float, ended: float, *, taken: bool = True) -> Try:
    return Try(message=message, status=status, taken=taken, began=began, ended=ended)


BEGIN = ("", "investigating")


def test_a_history_that_one_writer_could_have_made_is_no_contradiction() -> None:
    said = [BEGIN, ("a", "resolved"), ("b", "investigating"), ("c", "investigating")]
    tries = [
        attempt("a", "resolved", 0, 3),
        attempt("b", "investigating", 1, 4),
        attempt("c", "investigating", 2, 5),
        attempt("d", "monitoring", 1, 4, taken=False),
    ]
    assert list(contradictions(said, tries)) == []


def test_a_move_that_the_state_machine_forbids_is_found() -> None:
    said = [BEGIN, ("a", "resolved"), ("b", "monitoring")]
    tries = [attempt("a", "resolved", 0, 1), attempt("b", "monitoring", 2, 3)]
    assert list(contradictions(said, tries)) == ["'b' moved it from resolved to monitoring"]


def test_what_was_taken_and_is_not_there_is_found_and_so_is_what_was_refused_and_is() -> None:
    said = [BEGIN, ("b", "monitoring")]
    tries = [attempt("a", "resolved", 0, 1), attempt("b", "monitoring", 2, 3, taken=False)]
    found = list(contradictions(said, tries))
    assert "'a' was taken and is not there" in found
    assert "'b' was refused and is there" in found


def test_what_had_ended_before_another_began_stands_before_it() -> None:
    said = [BEGIN, ("b", "monitoring"), ("a", "identified")]
    tries = [attempt("a", "identified", 0, 1), attempt("b", "monitoring", 2, 3)]
    assert any("stands behind it" in one for one in contradictions(said, tries))


def test_a_refusal_needs_a_moment_in_which_it_was_right() -> None:
    said = [BEGIN, ("a", "monitoring")]
    tries = [attempt("a", "monitoring", 0, 1), attempt("b", "identified", 2, 3, taken=False)]
    assert any("could have been done all the while" in one for one in contradictions(said, tries))


def test_an_update_that_is_there_twice_is_found() -> None:
    said = [BEGIN, ("a", "monitoring"), ("a", "monitoring")]
    assert "1 updates are there twice" in list(contradictions(said, [attempt("a", "monitoring", 0, 1)]))
