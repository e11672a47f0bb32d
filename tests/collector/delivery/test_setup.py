"""What drains the outbox of a collector that serves knows every kind of receiver."""

from pathlib import Path
from typing import get_args

from collector.core.database import Database
from collector.core.settings import Settings
from collector.delivery import setup
from collector.domain.webhooks.rules import Kind


async def test_each_kind_of_endpoint_has_somebody_who_delivers_to_it(tmp_path: Path) -> None:
    db = Database.open(f"sqlite:///{tmp_path / 'collector.sqlite'}")
    drains = setup.dispatcher(Settings(state_dir=tmp_path), db)
    assert set(drains._senders) == set(get_args(Kind))
    for sender in drains._senders.values():
        await sender.close()
    await db.close()
