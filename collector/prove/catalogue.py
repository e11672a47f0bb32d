"""Every proof that there is, in the order in which they are run."""

from collector.prove.proof import Proof
from collector.prove.proofs import (
    addresses,
    database_killed,
    disk_full,
    duplicates,
    evil_network,
    foreign_tenants,
    fsync_order,
    jumping_clock,
    kill_nine,
    malformed,
    replays,
    skew,
    state_machines,
    tampering,
    tokens,
    torn_files,
    uptime,
    webhooks,
)

_FAULTS = (
    Proof(id="P1", title="kill -9 of agents and collector, acks lost", run=kill_nine.run, quick_s=20, full_s=320),
    Proof(id="P2", title="PostgreSQL killed and stopped", run=database_killed.run, quick_s=15, full_s=120),
    Proof(id="P3", title="acks leave after the disk has it", run=fsync_order.run, quick_s=15, full_s=120),
    Proof(id="P4", title="torn and cut files", run=torn_files.run, quick_s=20, full_s=180),
    Proof(id="P5", title="the disk is full", run=disk_full.run, quick_s=20, full_s=100),
    Proof(id="P6", title="a clock that jumps", run=jumping_clock.run, quick_s=20, full_s=120),
    Proof(id="P7", title="a slow and evil network", run=evil_network.run, quick_s=20, full_s=200),
    Proof(id="P8", title="duplicates and another order", run=duplicates.run, quick_s=15, full_s=150),
    Proof(id="P9", title="replays and retired keys", run=replays.run, quick_s=10, full_s=60),
)

_RULES_AND_ATTACKS = (
    Proof(id="P10", title="malformed input and bombs", run=malformed.run, quick_s=20, full_s=400),
    Proof(id="P11", title="another tenant's things", run=foreign_tenants.run, quick_s=40, full_s=90),
    Proof(id="P12", title="state machines under 32 writers", run=state_machines.run, quick_s=30, full_s=120),
    Proof(id="P13", title="uptime against an oracle", run=uptime.run, quick_s=3, full_s=50),
    Proof(id="P14", title="webhooks under fire", run=webhooks.run, quick_s=60, full_s=400),
    Proof(id="P15", title="receivers that lead back to this machine", run=addresses.run, quick_s=2, full_s=10),
    Proof(id="P16", title="guessed, forged and raced tokens", run=tokens.run, quick_s=8, full_s=60),
    Proof(id="P17", title="a forged activity log", run=tampering.run, quick_s=8, full_s=100),
    Proof(id="P18", title="versions beside each other", run=skew.run, quick_s=25, full_s=120),
)

PROOFS: tuple[Proof, ...] = _FAULTS + _RULES_AND_ATTACKS
