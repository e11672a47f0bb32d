"""Every proof that there is, in the order in which they are run."""

from collector.prove.proof import Proof
from collector.prove.proofs import database_killed, duplicates, evil_network, fsync_order, kill_nine, replays

_FAULTS = (
    Proof(id="P1", title="kill -9 of agents and collector, acks lost", run=kill_nine.run, quick_s=20, full_s=320),
    Proof(id="P2", title="PostgreSQL killed and stopped", run=database_killed.run, quick_s=15, full_s=180),
    Proof(id="P3", title="acks leave after the disk has it", run=fsync_order.run, quick_s=15, full_s=120),
    Proof(id="P7", title="a slow and evil network", run=evil_network.run, quick_s=20, full_s=300),
    Proof(id="P8", title="duplicates and another order", run=duplicates.run, quick_s=15, full_s=150),
    Proof(id="P9", title="replays and retired keys", run=replays.run, quick_s=10, full_s=60),
)

PROOFS: tuple[Proof, ...] = _FAULTS
