"""A request behind a reverse proxy is the one that the proxy got, where the proxy is trusted."""

from ipaddress import ip_network

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from collector.core.families import Family
from collector.core.forwarded import Proxies
from collector.core.metrics import Metrics
from collector.edge import Edge
from tests.collector.test_edge import render

PROXY = "10.0.0.5"
SAID = {"X-Forwarded-For": "203.0.113.1, 198.51.100.7", "X-Forwarded-Proto": "https", "X-Client-Verify": "SUCCESS"}


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope)
    seen = {
        "client": request.client.host if request.client else "",
        "scheme": request.url.scheme,
        "certificate": scope["state"].get("client_certificate", ""),
    }
    await JSONResponse(seen)(scope, receive, send)


async def asked(proxies: Proxies, peer: str, metrics: Metrics) -> dict[str, str]:
    edge = Edge(lambda _: Family("echo", echo, render), metrics=metrics, proxies=proxies)
    transport = httpx.ASGITransport(app=edge, client=(peer, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://collector.example") as client:
        answer = await client.get("/", headers=SAID)
    found: dict[str, str] = answer.json()
    return found


@pytest.mark.parametrize(
    ("proxies", "peer"),
    [(Proxies((ip_network(f"{PROXY}/32"),)), PROXY), (Proxies(on_socket=True), "")],
)
async def test_a_trusted_proxy_says_who_asks_and_how(proxies: Proxies, peer: str) -> None:
    seen = await asked(proxies, peer, Metrics())
    assert seen == {"client": "198.51.100.7", "scheme": "https", "certificate": "by proxy"}


async def test_nobody_else_does_and_that_is_counted() -> None:
    metrics = Metrics()
    seen = await asked(Proxies((ip_network(f"{PROXY}/32"),)), "10.0.0.6", metrics)
    assert seen == {"client": "10.0.0.6", "scheme": "http", "certificate": ""}
    assert b"fieldpost_forwarded_unbelieved 1.0" in metrics.render()
