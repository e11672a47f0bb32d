"""Signing keys of several processes: what one of them has replaced, the others know when they see it."""

import os
from datetime import timedelta

import pytest

from collector.api.keyring import Keyring
from collector.core.database import Database
from collector.core.vault import Vault
from collector.domain.access import signing
from collector.domain.access.bearer import Claims, InvalidBearer
from common.clock import utc_now


async def test_a_token_of_a_key_that_another_process_has_just_made_is_good_at_once(database: Database) -> None:
    vault, now = Vault(os.urandom(32)), utc_now()
    here, there = Keyring(database, vault), Keyring(database, vault)
    claims = Claims(1, 1, "ses_1")
    before = await here.issue(claims, now)
    assert await there.read(before.access, "access", now) == claims
    await database.write(signing.retire, now + timedelta(microseconds=1))
    after = await Keyring(database, vault).issue(claims, now)
    assert await there.read(after.access, "access", now) == claims
    assert await there.read(before.access, "access", now) == claims


async def test_a_token_of_a_key_that_nobody_has_is_none(database: Database) -> None:
    now = utc_now()
    foreign = await _issued_elsewhere(database)
    with pytest.raises(InvalidBearer):
        await Keyring(database, Vault(os.urandom(32))).read(foreign, "access", now)


async def _issued_elsewhere(database: Database) -> str:
    vault, now = Vault(os.urandom(32)), utc_now()
    pair = await Keyring(database, vault).issue(Claims(1, 1, "ses_1"), now)
    await database.write(signing.drop_unreadable, Vault(os.urandom(32)))
    return pair.access
