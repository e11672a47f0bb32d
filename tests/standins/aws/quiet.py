"""Requests are not logged: thousands of lines a scan would bury what matters."""

from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler


class QuietHandler(MotoRequestHandler):
    """Keeps connections open, as AWS does, and its mouth shut."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, *_: Any) -> None:
        return
