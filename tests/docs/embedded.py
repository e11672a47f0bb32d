"""Parts of written pages that come from the code: from `<!-- made from the code: NAME -->` to `<!-- end -->`."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from agent.aws.factors import catalogue as factors
from agent.aws.policy import scan_policy, schedule_policy
from agent.checks import known
from agent.cli.grants import granted, script

PARTS: Mapping[str, Callable[[], str]] = {
    "grants": lambda: _fenced("sql", "\n".join(script(granted(known().values(), cdb=False), "FIELDPOST", cdb=False))),
    "grants of a CDB": lambda: _fenced(
        "sql", "\n".join(script(granted(known().values(), cdb=True), "C##FIELDPOST", cdb=True))
    ),
    "scan policy": lambda: _fenced("json", json.dumps(scan_policy(factors().values()), indent=2)),
    "schedule policy": lambda: _fenced("json", json.dumps(schedule_policy("Schedule", ["office"]), indent=2)),
}
_PART = re.compile(r"(<!-- made from the code: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str) -> str:
    """The page with its parts as they are now."""
    return _PART.sub(lambda found: found[1] + PARTS[found[2]]() + "\n" + found[3], page)


def pages(docs: Path) -> list[Path]:
    """Those that have such parts."""
    return [page for page in sorted(docs.glob("*.md")) if "<!-- made from the code: " in page.read_text()]


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"
