"""One database, one vault key."""

import os
from datetime import timedelta

import pytest

from collector.core.database import Database
from collector.core.vault import SealBroken, Vault
from collector.domain.access import sealing, signing
from common.clock import utc_now

OURS, ANOTHER = Vault(os.urandom(32)), Vault(os.urandom(32))


async def test_the_first_key_is_the_one_and_another_is_refused(database: Database) -> None:
    await database.write(sealing.check, OURS)
    await database.write(sealing.check, OURS)
    with pytest.raises(SealBroken):
        await database.write(sealing.check, ANOTHER)


async def test_a_database_of_a_release_before_knows_its_key_by_what_signs(database: Database) -> None:
    await database.write(signing.signing, OURS, utc_now())
    with pytest.raises(SealBroken):
        await database.write(sealing.check, ANOTHER)
    await database.write(sealing.check, OURS)


async def test_who_has_lost_the_key_goes_on_without_what_it_sealed(database: Database) -> None:
    now = utc_now()
    await database.write(signing.signing, OURS, now)
    await database.write(signing.retire, now + timedelta(seconds=1))
    await database.write(signing.signing, OURS, now + timedelta(seconds=2))
    await database.write(sealing.check, OURS)
    assert await database.write(sealing.begin_anew, ANOTHER) == 2
    await database.write(sealing.check, ANOTHER)
    with pytest.raises(SealBroken):
        await database.write(sealing.check, OURS)
    assert await database.write(sealing.begin_anew, ANOTHER) == 0
    assert len((await database.write(signing.signing, ANOTHER, now)).keys) == 1
