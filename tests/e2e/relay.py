"""Something between a function and its database that lets most through, and answers some with a fault."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit


@contextmanager
def relay(target: str, *broken: str) -> Iterator[str]:
    """The address of a DynamoDB whose operations of these names fail as AWS fails."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(urlsplit(target).netloc, broken))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(behind: str, broken: tuple[str, ...]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            self._answer(*((500, FAULT) if operation in broken else self._passed_on(body)))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _passed_on(self, body: bytes) -> tuple[int, bytes]:
            connection = http.client.HTTPConnection(behind, timeout=30)
            try:
                # The headers as they are, the host too: they are signed.
                connection.request("POST", self.path, body, dict(self.headers))
                answer = connection.getresponse()
                return answer.status, answer.read()
            finally:
                connection.close()

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


FAULT = b'{"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": "The server failed."}'
