from pathlib import Path

from agent import host_id
from agent.host_id import fingerprint, forget_parked, note_parked, origin


def test_a_fingerprint_stays_and_gives_the_machine_id_away_to_nobody(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("0123456789abcdef0123456789abcdef\n")
    other.write_text("f123456789abcdef0123456789abcdef\n")
    assert len(fingerprint(one)) == 32
    assert fingerprint(one) == fingerprint(one) != fingerprint(other)
    assert "0123456789" not in fingerprint(one)


def test_a_machine_without_an_id_has_no_fingerprint(tmp_path: Path) -> None:
    assert fingerprint(tmp_path / "none") == ""
    (tmp_path / "empty").write_text("\n")
    assert fingerprint(tmp_path / "empty") == ""


def test_each_start_is_another_one_unless_it_is_parked(tmp_path: Path) -> None:
    one, two = origin(tmp_path), origin(tmp_path)
    assert one.instance != two.instance
    assert (one.host, one.boot) == (two.host, two.boot)
    note_parked(tmp_path, two.instance)
    assert origin(tmp_path) == origin(tmp_path) == two
    forget_parked(tmp_path)
    forget_parked(tmp_path)
    assert origin(tmp_path).instance != two.instance


def test_time_goes_on() -> None:
    assert host_id.uptime() <= host_id.uptime()
