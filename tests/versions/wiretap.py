"""Stands between agents and a collector, passes everything on and keeps what they said."""

import gzip
import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_WAIT_S = 90
_NOT_PASSED_ON = {"connection", "transfer-encoding", "content-length", "date", "server", "host"}


class Wiretap(ThreadingHTTPServer):
    """`heard`: one entry for each enrolment, batch and assignment that went well, in the order of the answers."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = port
        self.heard: list[Mapping[str, Any]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def tapping(port: int) -> Iterator[Wiretap]:
    tap = Wiretap(port)
    thread = threading.Thread(target=tap.serve_forever, daemon=True)
    thread.start()
    try:
        yield tap
    finally:
        tap.shutdown()
        thread.join()
        tap.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Wiretap

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def do_PUT(self) -> None:
        self._pass_on()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - likewise
        pass

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        behind = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=_WAIT_S)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_PASSED_ON}
        try:
            behind.request(self.command, self.path, body or None, headers)
            answer = behind.getresponse()
            said = answer.read()
        except OSError:
            self.close_connection = True  # the collector has gone; the agent keeps what it wanted to say
            return
        finally:
            behind.close()
        if answer.status == http.HTTPStatus.OK:
            self._keep(body, said)
        with suppress(BrokenPipeError):  # an agent that is stopped does not wait for its answer
            self._answer(answer, said)

    def _answer(self, answer: http.client.HTTPResponse, said: bytes) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _keep(self, body: bytes, said: bytes) -> None:
        match self.path.partition("?")[0]:
            case "/agent/v1/enroll":
                self.server.heard.append({"what": "enrolment", "request": json.loads(body), "reply": json.loads(said)})
            case "/agent/v1/batches":
                header, _, payload = gzip.decompress(body).decode().partition("\n")
                signature = self.headers["Fieldpost-Signature"]
                batch = {"what": "batch", "header": header, "payload": payload, "signature": signature}
                self.server.heard.append({**batch, "ack": json.loads(said)})
            case "/agent/v1/assignment":
                self.server.heard.append({"what": "assignment", "document": said.decode()})
