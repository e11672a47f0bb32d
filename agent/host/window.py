"""Pure: growth of counters over the last minutes, from samples that a check carries along in its own note."""

from collections.abc import Mapping

from agent.oracle.catalogue import Seen
from agent.oracle.judging import Growth, last

Samples = Mapping[float, Mapping[str, float]]
SLACK_S = 30.0  # rounds do not come on the second
STEPS = 3


def over(
    seen: Seen, counters: Mapping[str, float], *, seconds: float, boot: float
) -> tuple[Growth | str, dict[str, float]]:
    """What the counters grew by in about `seconds`, or why that cannot be said yet; and the note to keep.

    A sample of another boot, or one that is twice as old as the window, is worth nothing.
    """
    now = seen.now.timestamp()
    samples = {at: values for at, values in _carried(seen, boot).items() if 0 < now - at <= 2 * seconds}
    old_enough = [at for at in samples if now - at >= seconds - SLACK_S]
    base = max(old_enough, default=None)
    kept = {at: values for at, values in samples.items() if base is None or at >= base}
    if now - max(kept, default=0.0) >= seconds / STEPS - SLACK_S:
        kept[now] = counters
    note = {
        "boot": boot,
        **{f"{name}@{at:.0f}": value for at, values in kept.items() for name, value in values.items()},
    }
    if base is None:
        covered = now - min(samples, default=now)
        return f"averages over {seconds / 60:.0f} min: {covered / 60:.0f} min measured so far", note
    grown = {name: value - samples[base].get(name, value) for name, value in counters.items()}
    return Growth(now - base, {name: max(0.0, value) for name, value in grown.items()}), note


def _carried(seen: Seen, boot: float) -> Samples:
    """The samples in the last note: `name@epoch`."""
    before = last(seen)
    if before is None or before.values.get("boot") != boot:
        return {}
    samples: dict[float, dict[str, float]] = {}
    for key, value in before.values.items():
        name, _, at = key.rpartition("@")
        if name:
            samples.setdefault(float(at), {})[name] = value
    return samples
