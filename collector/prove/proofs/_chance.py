"""Chance that follows from the seed, so that what failed can be run again."""

from random import Random

from collector.prove.proof import Terms


def chance(terms: Terms, *about: object) -> Random:
    """The same for the same seed and subject, whatever else was drawn before."""
    return Random(":".join(map(str, (terms.seed, *about))))  # noqa: S311 - faults are seeded, not secret
