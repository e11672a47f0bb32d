from agent.host import linux
from agent.host.readings import HugePages

LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max processes             2047                 16384                processes
Max open files            1024                 65536                files
Max locked memory         134217728            unlimited            bytes
"""
SHM = """\
       key      shmid perms       size  cpid  lpid nattch   uid   gid  cuid  cgid
         0          0  1640   16777216  2101  2151    120 54321 54321 54321 54321
         0          1  1640 8573157376  2101  2151     60 54321 54321 54321 54321
1234567890          2   600    1048576   900   900      1     0     0     0     0
"""


def test_a_pmon_process_names_its_instance() -> None:
    assert linux.instance_of("ora_pmon_ORCL1") == "ORCL1"
    assert linux.instance_of("asm_pmon_+ASM1") == "+ASM1"
    assert linux.instance_of("mdb_pmon_-MGMTDB") == "-MGMTDB"
    assert linux.instance_of("ora_smon_ORCL1") == ""
    assert linux.instance_of("grep ora_pmon_ORCL") == ""


def test_oratab_is_read_without_comments_and_the_default_entry() -> None:
    text = "# comment\n*:/u01/home:N\nORCL:/u01/app/oracle/19:Y # added by dbca\nTEST:/u01/app/oracle/19:N\n\nbroken\n"
    assert linux.oratab(text) == [("ORCL", "/u01/app/oracle/19", True), ("TEST", "/u01/app/oracle/19", False)]


def test_huge_pages_are_counted_in_pages_of_their_size() -> None:
    text = "MemTotal: 100 kB\nHugePages_Total:   10\nHugePages_Free: 4\nHugePages_Rsvd: 1\nHugepagesize: 2048 kB\n"
    assert linux.huge_pages(text) == HugePages(page_size=2_097_152, total=10, free=4, reserved=1)
    assert linux.huge_pages("MemTotal: 100 kB\n") is None


def test_the_setting_in_brackets_is_the_one_that_holds() -> None:
    assert linux.transparent_huge_pages("always [madvise] never\n") == "madvise"
    assert linux.transparent_huge_pages("") == ""


def test_limits_are_the_hard_ones() -> None:
    found = linux.limits("ORCL", LIMITS)
    assert (found.nofile, found.nproc, found.memlock) == (65_536, 16_384, None)


def test_shared_memory_is_summed_over_the_segments_of_the_owners() -> None:
    assert linux.shared_memory(SHM, {54321}) == 16_777_216 + 8_573_157_376
    assert linux.shared_memory(SHM, ()) == 0
    assert linux.shared_memory("", {0}) == 0


def test_containers_are_known_by_their_control_group() -> None:
    assert linux.in_container("0::/kubepods/besteffort/pod1\n")
    assert not linux.in_container("0::/init.scope\n")
