"""The prices that a scan goes by: the bundled book, over it the imported one."""

from pathlib import Path

from agent.aws.prices.bundled import bundled
from agent.aws.prices.resolve import Prices
from agent.aws.prices.store import current
from common import logs

log = logs.get("agent.aws")


def prices_of(state_dir: str) -> Prices:
    """What this host knows of prices without asking anybody."""
    book, wrong = current(Path(state_dir))
    if wrong:
        log.warning("imported prices are not used", reason=wrong)
    return Prices(bundled(), book)
