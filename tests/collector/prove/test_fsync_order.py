"""What a trace of calls proves of acks: written, then synced, then said."""

from collector.prove.proofs.fsync_order import Order, _shown

WAL = "7</state/collector.sqlite-wal>"
ACK = r'90 sendto(9<socket:[1]>, "{\"acked\":[[2,3]]", 16, 0, NULL, 0) = 16'


def write(*names: str) -> str:
    return f'91 pwrite64({WAL}, "{" ".join(names)}", 4096, 32) = 4096'


def order(*lines: str) -> Order:
    found = Order([["a-1", "a-2"]])
    found.follow(lines)
    return found


def test_an_ack_after_the_sync_of_its_records_is_proven() -> None:
    found = order(write("a-1"), write("a-2"), f"91 fdatasync({WAL}) = 0", ACK)
    assert (found.proven, found.violations, found.troubles(1)) == (1, 0, [])


def test_an_ack_before_the_sync_is_a_violation_that_names_the_record() -> None:
    found = order(f"91 fdatasync({WAL}) = 0", write("a-1", "a-2"), ACK)
    assert (found.proven, found.violations) == (0, 1)
    assert "the first: a-1" in found.troubles(1)[0]


def test_a_record_that_was_never_written_is_a_violation() -> None:
    found = order(write("a-1"), f"91 fdatasync({WAL}) = 0", ACK)
    assert found.violations == 1


def test_a_sync_counts_for_what_was_written_before_it_began_and_only_once_it_has_ended() -> None:
    begun, ended = f"91 fdatasync({WAL} <unfinished ...>", "91 <... fdatasync resumed>) = 0"
    assert order(write("a-1", "a-2"), begun, ended, ACK).proven == 1
    assert order(write("a-1", "a-2"), begun, ACK, ended).violations == 1
    assert order(write("a-1"), begun, write("a-2"), ended, ACK).violations == 1


def test_the_sync_of_another_file_is_none() -> None:
    assert order(write("a-1", "a-2"), "91 fdatasync(8</state/collector.sqlite>) = 0", ACK).violations == 1


def test_acks_that_the_trace_does_not_show_are_missed() -> None:
    assert order().troubles(1) == ["the trace shows 0 acks; 1 came"]


def test_of_a_trace_is_kept_what_is_looked_at() -> None:
    begun = f"91 fdatasync({WAL} <unfinished ...>\n"
    kept = list(_shown([write("agent-00000007", "\\0" * 500) + "\n", begun, "91 read(3, 4)\n", ACK + "\n"]))
    assert kept[0] == f"91 pwrite64({WAL} agent-00000007\n"
    assert kept[1].endswith("<unfinished ...>\n")
    assert kept[2:] == [ACK + "\n"]
