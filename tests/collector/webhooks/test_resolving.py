"""A name is resolved once per connection, all of its addresses are checked, and the checked one is connected to."""

import ssl
from ipaddress import ip_network
from pathlib import Path
from socket import AddressFamily

import pytest
from aiohttp import web

from collector.core import certificates
from collector.delivery.resolving import CheckedResolver, Found, NotAllowed
from collector.delivery.webhooks import WebhookSender
from collector.domain.webhooks.addresses import Reach
from collector.domain.webhooks.lanes import Lane, Message, Work
from collector.domain.webhooks.rules import Attempt, new_secret, sealed_for
from common.clock import utc_now
from tests.collector.webhooks.receiving import Receiver, reach_of, receiver, vault_in

LANE = Lane(1, "whk_1")


class Names:
    """A name server whose answers change from question to question."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, _host: str, _port: int, _family: AddressFamily) -> Found:
        self.asked += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(AddressFamily.AF_INET6 if ":" in address else AddressFamily.AF_INET, address) for address in found]


async def send(
    folder: Path, reach: Reach, names: Names, url: str, *, ca: Path | None = None, times: int = 1
) -> Attempt:
    vault = vault_in(folder)
    secret = vault.seal(new_secret().encode(), about=sealed_for(LANE.endpoint_id))
    work = Work("webhook", {"url": url}, secret, None, [])
    sender = WebhookSender(reach, vault, resolver=CheckedResolver(reach.networks, look_up=names), ca_file=ca)
    try:
        for number in range(times):
            attempt = await sender.send(LANE, work, Message(number, f"msg_{number}", "alert.triggered", "{}", 0, []))
    finally:
        await sender.close()
    return attempt


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"], ["2002:7f00:1::1"], ["::1"]],
)
async def test_a_name_with_one_address_that_is_not_allowed_is_refused(tmp_path: Path, addresses: list[str]) -> None:
    async with receiver() as there:
        reach = Reach(ports=frozenset({there.port}), plain_http=True)
        attempt = await send(tmp_path, reach, Names(addresses), f"http://hooks.example:{there.port}/hook")
        assert "leads to an address that is not allowed" in attempt.error
        assert there.got == []


async def test_a_name_that_changes_between_check_and_connection_has_no_effect(tmp_path: Path) -> None:
    async with receiver() as there:
        names = Names(["127.0.0.1"], ["169.254.169.254"])
        url = f"http://hooks.example:{there.port}/hook"
        attempt = await send(tmp_path, reach_of(there.port), names, url, times=3)
        assert attempt.error == ""
        assert (names.asked, len(there.got)) == (1, 3)
        assert there.got[0][0]["host"] == f"hooks.example:{there.port}"


async def test_an_address_in_the_url_is_checked_again_when_the_operator_has_changed_the_list(tmp_path: Path) -> None:
    async with receiver() as there:
        attempt = await send(tmp_path, Reach(plain_http=True, ports=frozenset({there.port})), Names([]), there.url)
        assert "127.0.0.1 is not allowed" in attempt.error
        assert there.got == []


async def test_the_certificate_has_to_be_that_of_the_name(tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path / "tls", ("hooks.example",), utc_now())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    there = Receiver()
    app = web.Application()
    app.router.add_post("/hook", there.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    port = runner.addresses[0][1]
    reach, names = reach_of(port), Names(["127.0.0.1"])
    well = await send(tmp_path, reach, names, f"https://hooks.example:{port}/hook", ca=files.ca)
    other = await send(tmp_path, reach, names, f"https://other.example:{port}/hook", ca=files.ca)
    unknown = await send(tmp_path, reach, names, f"https://hooks.example:{port}/hook")
    assert (well.status, well.error) == (204, "")
    assert other.error.startswith("TLS: the certificate")
    assert unknown.error.startswith("TLS: the certificate")
    assert len(there.got) == 1
    await runner.cleanup()


async def test_a_secret_under_another_key_is_said_so_and_nothing_is_sent(tmp_path: Path) -> None:
    async with receiver() as there:
        vault = vault_in(tmp_path / "one")
        secret = vault.seal(b"whsec_AAAA", about=sealed_for(LANE.endpoint_id))
        sender = WebhookSender(reach_of(there.port), vault_in(tmp_path / "two"))
        message = Message(1, "msg_1", "alert.triggered", "{}", 0, [])
        attempt = await sender.send(LANE, Work("webhook", {"url": there.url}, secret, None, []), message)
        await sender.close()
        assert "vault key" in attempt.error
        assert there.got == []


async def test_the_systems_own_resolver_is_asked_by_default() -> None:
    resolver = CheckedResolver((ip_network("127.0.0.0/8"), ip_network("::1/128")))
    assert await resolver.address("localhost", 80) in {"127.0.0.1", "::1"}
    await resolver.close()
    closed = CheckedResolver(())
    with pytest.raises(NotAllowed):
        await closed.address("localhost", 80)
    await closed.close()
