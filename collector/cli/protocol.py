"""HTTP on one connection, which also knows whose client certificate was shown on it."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from collector.core.tls import client_name


class Protocol(HttpToolsProtocol):
    """Requests find the name of the certificate in `state["client_certificate"]`; nothing is there without one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base has it
        super().connection_made(transport)
        name = client_name(transport.get_extra_info("ssl_object"))
        if name:
            self.app_state = {**self.app_state, "client_certificate": name}
