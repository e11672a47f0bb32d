"""Faults of Redis and of the mail server, planted in real ones, and found; no mail is sent."""

import asyncio
import shutil
import ssl
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from collector.core import certificates
from collector.doctor import services
from common.clock import utc_now
from tests.collector.delivery.test_mail import Mailbox, mailbox
from tests.collector.doctor.grounds import Found, bad, ground, seen


async def looked(tmp_path: Path, **settings: Any) -> Found:
    return await seen(services.LOOKS, ground(tmp_path, **settings))


# --- mail ----------------------------------------------------------------------------------------------------------


def context_of(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    files = certificates.ensure(tmp_path / "tls", ("127.0.0.1",), utc_now())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context, files.ca


def given(box: Mailbox, tmp_path: Path, ca: Path | None, word: str = "correct") -> dict[str, Any]:
    file = tmp_path / "smtp-password"
    file.write_text(word)
    return {
        "smtp_host": "127.0.0.1", "smtp_port": box.port, "smtp_tls": "starttls", "smtp_user": "fieldpost",
        "smtp_password_file": file, "delivery_ca_file": ca,
    }  # fmt: skip


async def test_a_mail_server_that_takes_the_login_is_well_and_gets_no_mail(tmp_path: Path) -> None:
    context, ca = context_of(tmp_path)
    async with mailbox(tls="starttls", context=context) as box:
        findings = await looked(tmp_path, **given(box, tmp_path, ca))
    assert findings["smtp"].detail.endswith("takes mails of fieldpost")
    assert bad(findings) == {}
    assert box.taken == []


async def test_a_refused_login_is_told_without_the_password(tmp_path: Path) -> None:
    context, ca = context_of(tmp_path)
    async with mailbox(tls="starttls", context=context) as box:
        finding = bad(await looked(tmp_path, **given(box, tmp_path, ca, "tiger")))["smtp"]
    assert "refuses the login of fieldpost (535)" in finding.detail
    assert "tiger" not in str(finding)


async def test_an_authority_of_the_mail_server_that_nobody_trusts_is_told(tmp_path: Path) -> None:
    context, _ = context_of(tmp_path)
    async with mailbox(tls="starttls", context=context) as box:
        finding = bad(await looked(tmp_path, **given(box, tmp_path, None)))["smtp"]
    assert "is not trusted" in finding.detail
    assert "delivery_ca_file" in finding.mend


async def test_a_mail_server_without_tls_is_told(tmp_path: Path) -> None:
    async with mailbox() as box:
        finding = bad(await looked(tmp_path, smtp_host="127.0.0.1", smtp_port=box.port))["smtp"]
    assert "and smtp_tls = starttls do not fit" in finding.detail


async def test_a_mail_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    finding = bad(await looked(tmp_path, smtp_host="127.0.0.1", smtp_port=1))["smtp"]
    assert "does not answer as a mail server does" in finding.detail


async def test_a_password_of_the_mail_server_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "none"
    finding = bad(await looked(tmp_path, smtp_host="127.0.0.1", smtp_user="u", smtp_password_file=file))["smtp"]
    assert f"{file} cannot be read" in finding.detail


# --- Redis ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def redis(folder: Path) -> AsyncIterator[Path]:
    """Wants a password."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed; `make tools` installs it where it may")
    socket = folder / "redis.sock"
    process = await asyncio.create_subprocess_exec(
        "redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "", "--requirepass", "correct",
        stdout=DEVNULL,
    )  # fmt: skip
    while not socket.exists():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.01)
    try:
        yield socket
    finally:
        process.kill()
        await process.wait()


@pytest.mark.slow
async def test_redis_that_refuses_the_password_is_told(tmp_path: Path) -> None:
    async with redis(tmp_path) as socket:
        assert (await looked(tmp_path, redis_url=f"unix://:correct@{socket}"))["redis"].state == "well"
        for url in (f"unix://:tiger@{socket}", f"unix://{socket}"):
            finding = bad(await looked(tmp_path, redis_url=url))["redis"]
            assert "refuses the password, or wants one" in finding.detail
            assert "tiger" not in str(finding)


async def test_redis_that_is_not_there_is_told(tmp_path: Path) -> None:
    finding = bad(await looked(tmp_path, redis_url="redis://:tiger@127.0.0.1:1/0"))["redis"]
    assert "Redis at 127.0.0.1:1 does not answer" in finding.detail
    assert "redis-cli -h 127.0.0.1 -p 1 ping" in finding.mend
    assert "tiger" not in str(finding)
