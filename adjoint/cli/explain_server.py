"""Serving the page of an explanation to browsers on this machine, so that the library itself
explains a formula that a visitor has changed.

Only the loopback interface is listened on. A page of another origin cannot ask: a request must name
this server as its host (against names that are made to point here) and, if it has an origin, as its
origin.
"""

from __future__ import annotations

import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from adjoint.errors import AdjointError, ExpressionError
from adjoint.explanation.explain import Explanation, explain
from adjoint.explanation.expression import check_names, parse
from adjoint.explanation.page.html import SERVED_POLICY

LOOPBACK = "127.0.0.1"
LONGEST = 20_000
"""Bytes of a request that is answered at most."""
DRAINED = 1_000_000
"""Bytes of a longer one that are read all the same, so that its sender hears the answer."""


class Server(ThreadingHTTPServer):
    """A server of one explanation, and of those of the formulas that visitors send."""

    daemon_threads = True

    def __init__(self, explanation: Explanation, port: int) -> None:
        self.page = explanation.page(served=True).encode("utf-8")
        super().__init__((LOOPBACK, port), Handler)

    @property
    def hosts(self) -> tuple[str, str]:
        """The names by which this server may be called."""
        port = self.server_address[1]
        return f"{LOOPBACK}:{port}", f"localhost:{port}"

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{self.hosts[0]}/"


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        """The page; there is nothing else."""
        if not self._is_for_us():
            return
        if self.path.partition("?")[0] == "/":
            self._answer(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is only one page, /")

    def do_POST(self) -> None:
        """The data of the page for another formula."""
        if not self._is_for_us():
            return
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal() or int(size) > LONGEST:
            self.rfile.read(min(int(size), DRAINED) if size.isdecimal() else 0)
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the formula is too long")
            return
        try:
            model = answer(json.loads(self.rfile.read(int(size))))
        except (AdjointError, ValueError, RecursionError) as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
            return
        body = json.dumps(model, allow_nan=False).encode("utf-8")
        self._answer(HTTPStatus.OK, "application/json", body)

    def _is_for_us(self) -> bool:
        origin = self.headers.get("Origin")
        ours = [f"http://{host}" for host in self.server.hosts]
        if self.headers.get("Host") in self.server.hosts and (origin is None or origin in ours):
            return True
        self._refuse(HTTPStatus.FORBIDDEN, "ask from the page that this server shows")
        return False

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self.close_connection = True  # what was not read of a request is no new one
        body = json.dumps({"error": message}).encode("utf-8")
        self._answer(status, "application/json", body)

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", SERVED_POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""


def answer(question: Any) -> dict[str, Any]:
    """The data of the page for ``{"formula": …, "values": {name: number}}``."""
    if not isinstance(question, dict) or not isinstance(question.get("formula"), str):
        raise ExpressionError("the request has no formula")
    known = question.get("values")
    known = known if isinstance(known, dict) else {}
    expression = parse(question["formula"].strip())
    values = {name: _number(known.get(name, 1.0)) for name in expression.names}
    check_names(expression, values)
    if not values:
        raise ExpressionError("the formula has no variables, so there is nothing to differentiate")
    return explain(expression, *values.values(), names=expression.names).model()


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ExpressionError(f"a value must be a number, got {value!r}")
    return float(value)


def serve(explanation: Explanation, port: int) -> int:
    """Serve the page until the user interrupts."""
    try:
        server = Server(explanation, port)
    except OSError as error:
        raise ExpressionError(
            f"--serve {port}: cannot listen on {LOOPBACK}: {(error.strerror or str(error)).lower()}"
            f"; give another port, or 0 for any that is free"
        ) from error
    with server:
        print(f"The page is at {server.address} (Ctrl-C ends)", file=sys.stderr, flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print(file=sys.stderr)
    return 0
