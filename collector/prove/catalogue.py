"""Every proof that there is, in the order in which they are run."""

from collector.prove.proof import Proof
from collector.prove.proofs import kill_nine

PROOFS: tuple[Proof, ...] = (
    Proof(id="P1", title="kill -9 of agents and collector, acks lost", run=kill_nine.run, quick_s=20, full_s=320),
)
