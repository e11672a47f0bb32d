"""The manual's list of AWS factors with the rights that each needs, made from what they declare."""

from itertools import groupby

from agent.aws.catalogue import Factor
from agent.aws.factors import catalogue, planned
from agent.aws.policy import PRICES_READ, REGIONS_READ, SIMULATE, actions_of_one

HEAD = f"""# AWS factors

What a scan looks for, and the IAM actions that each factor needs. `fieldpost-agent aws policy` writes the policy for
all of them, `--factors` for some; beside these it has `{REGIONS_READ}`, `{SIMULATE}` (to prove the rights)
and, with `--live-prices`, `{PRICES_READ}`. All of them read; nothing is changed by a scan. A factor that lacks
a right is left out and named, the others go on. The tag `fieldpost:exclude` takes a resource out ([AWS](aws.md#scan)).
"""


def manual() -> str:
    factors = sorted(catalogue().values(), key=lambda one: (one.category, one.number))
    parts = [HEAD]
    for category, found in groupby(factors, key=lambda one: one.category):
        rows = "\n".join(_row(one) for one in found)
        parts.append(f"## {category}\n\n| factor | what | service | advice | rights |\n|---|---|---|---|---|\n{rows}\n")
    later = "\n".join(f"| `{one.key}` | {one.title} | {one.category} |" for one in planned())
    if later:
        parts.append(f"## Known and not built\n\n| factor | what | category |\n|---|---|---|\n{later}\n")
    return "\n".join(parts)


def _row(one: Factor) -> str:
    rights = ", ".join(f"`{action}`" for action in sorted(actions_of_one(one)))
    return f"| `{one.key}` | {one.title} | {one.service} | {one.kind.lower()} | {rights} |"
