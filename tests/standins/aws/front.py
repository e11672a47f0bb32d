"""The front of the stand-in: every call is read, judged as AWS would, and answered here or by moto."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any

from moto.core.request import Request
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Response

from tests.standins.aws.authorise import authorise
from tests.standins.aws.calls import Body, answer, read, signed
from tests.standins.aws.errors import AwsError
from tests.standins.aws.identities import principal_of
from tests.standins.aws.rds import restart_by_itself
from tests.standins.aws.world import Handler, World

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
CONTROL = "/_standin/"


class Front:
    """A WSGI application; moto's own state is not safe under threads, so one call is handled at a time."""

    def __init__(self, world: World, handlers: Mapping[tuple[str, str], Handler]) -> None:
        self.world = world
        self.handlers = handlers
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        _keep_body(environ)
        if environ["PATH_INFO"].startswith(CONTROL):
            return self._control(environ)(environ, start_response)
        if self.world.faults.latency_ms:
            time.sleep(self.world.faults.latency_ms / 1000)
        with self.lock:
            own = self._own(environ)
            _rewind(environ)
            if own is None:
                return self._moto(environ, start_response)
        return _response(own)(environ, start_response)

    def _moto(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return list(self.moto(environ, start_response))
        except NotImplementedError as error:
            code = "InvalidAction"
            body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{error}</Message></Error></ErrorResponse>"
            return Response(body, 400, content_type="text/xml")(environ, start_response)

    def _own(self, environ: Environ) -> Body | None:
        request = Request(environ)
        who = signed(request)
        if who is None:
            return None
        caller = principal_of(who.access_key)
        call = read(request, who, caller.account)
        if call is None:
            return None
        self.world.asked[f"{call.service}:{call.operation}"] += 1
        try:
            self.world.faults.strike(call.service, call.operation, call.protocol)
            authorise(call, caller, self.world.faults)
            handler = self.handlers.get((call.service, call.operation))
            result = None if handler is None else handler(call, self.world)
        except AwsError as error:
            return answer(call, error)
        return None if result is None else answer(call, result)

    def _control(self, environ: Environ) -> Response:
        """What a test may ask of the stand-in itself: faults, latency, counts of calls, the key of the estate."""
        request = Request(environ)
        what = environ["PATH_INFO"].removeprefix(CONTROL)
        if what == "faults" and request.method == "POST":
            return _json(self._set_faults(json.loads(environ["standin.body"] or b"{}")))
        if what == "calls":
            return _json(self._calls(forget=request.method == "DELETE"))
        if what == "rds-restart" and request.method == "POST":
            restart_by_itself(**json.loads(environ["standin.body"]))
            return _json({})
        if what == "expected":
            return _json(self.world.expected)
        return Response("unknown", 404)

    def _set_faults(self, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        faults = self.world.faults
        if wanted.get("clear"):
            faults.active.clear()
            faults.latency_ms = 0.0
        faults.add(wanted.get("add", []))
        faults.latency_ms = float(wanted.get("latency_ms", faults.latency_ms))
        return {"active": [[fault.kind, *fault.arguments] for fault in faults.active], "latency_ms": faults.latency_ms}

    def _calls(self, *, forget: bool) -> Mapping[str, Any]:
        asked = dict(self.world.asked)
        if forget:
            self.world.asked.clear()
        return {"total": sum(asked.values()), "by_operation": asked}


def _keep_body(environ: Environ) -> None:
    """Large bodies come packed."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    if environ.pop("HTTP_CONTENT_ENCODING", "") == "gzip":
        body = gzip.decompress(body)
        environ["CONTENT_LENGTH"] = str(len(body))
    environ["standin.body"] = body
    _rewind(environ)


def _rewind(environ: Environ) -> None:
    environ["wsgi.input"] = BytesIO(environ["standin.body"])


def _response(own: Body) -> Response:
    status, headers, body = own
    return Response(body, status, headers={**headers, "x-amzn-RequestId": "standin"})


def _json(content: Mapping[str, Any]) -> Response:
    return Response(json.dumps(content), 200, content_type="application/json")
