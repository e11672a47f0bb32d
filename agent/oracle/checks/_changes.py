"""What is new since the agent first looked: a baseline that several checks keep in their own samples."""

from collections.abc import Iterable

from agent.oracle.catalogue import Row, Seen, Value
from agent.oracle.judging import label, last, shared, text

Found = tuple[Value, str]
"""A state that holds now: its container's id and its name."""


def owned(seen: Seen, row: Row, name: Value) -> str:
    """`APP.ORDERS`, in a CDB `SALES.APP.ORDERS`; the owner as it may leave this host."""
    return label(seen.facts, row["con_id"], f"{shared(seen.facts, 'users', row['owner'])}.{text(name)}")


def key(found: Found) -> str:
    return f"{text(found[0])}.{found[1]}"


def since(seen: Seen, states: Iterable[Found]) -> dict[str, float]:
    """The note to keep: since when each state holds, 0 for what the first look at its container found.

    A closed container keeps what was known of it; one that was never looked at starts its own baseline.
    """
    before = last(seen)
    earlier = before.values if before else {}
    now = seen.now.timestamp()
    note = dict.fromkeys(_looked_at(seen), 0.0)
    note |= {name: at for name, at in earlier.items() if _place(name) not in note}
    for found in states:
        first = now if _place(key(found)) in earlier else 0.0
        note[key(found)] = earlier.get(key(found), first)
    return note


def age_s(seen: Seen, at: float) -> float:
    """For how long a state of `since` holds; 0 for what belongs to the baseline."""
    return seen.now.timestamp() - at if at else 0.0


def _place(name: str) -> str:
    return name.partition(".")[0] + "."


def _looked_at(seen: Seen) -> list[str]:
    if not seen.facts.in_root:
        return ["0."]
    return [f"{pdb.con_id}." for pdb in seen.facts.containers if pdb.open_mode != "MOUNTED"]
