"""The prices that a scan goes by: the bundled book, over it the imported one, over both what AWS lists now."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from agent.aws.prices.bundled import bundled
from agent.aws.prices.live import LiveList
from agent.aws.prices.resolve import Key, Prices
from agent.aws.prices.store import current
from agent.aws.session import Access, AWSError, why
from common import logs

log = logs.get("agent.aws")


def prices_of(state_dir: str) -> Prices:
    """What this host knows of prices without asking anybody."""
    book, wrong = current(Path(state_dir))
    if wrong:
        log.warning("imported prices are not used", reason=wrong)
    return Prices(bundled(), book)


def listed_now(
    access: Access, prices: Prices, wanted: Iterable[Key], state_dir: str, *, at: datetime
) -> tuple[Prices, str]:
    """The same with what AWS's price list says of these keys, and why it could not be asked of all of them."""
    known = LiveList(lambda region: access.client("pricing", region), AWSError, Path(state_dir))
    live, failed = known.prices(wanted, at)
    return replace(prices, live={**prices.live, **live}), why(failed, "pricing:GetProducts") if failed else ""
