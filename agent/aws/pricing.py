"""The prices that a scan goes by."""

from pathlib import Path

from agent.aws.catalogue import Book
from agent.aws.prices.bundled import bundled
from agent.aws.prices.resolve import Prices
from agent.aws.prices.store import current
from agent.aws.session import Access
from common import logs

log = logs.get("agent.aws")


def book_for(_access: Access, state_dir: str) -> Book:
    """The best prices at hand."""
    book, wrong = current(Path(state_dir)) if state_dir else (None, "")
    if wrong:
        log.warning("imported price book ignored", reason=wrong)
    return Prices(bundled(), book)
