"""Answers where the webhook posts to, to try it out: ``WEBHOOK_KEY=… python receive.py``."""

import hmac
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from wxvault.client_events import EventBusyError, EventGuard, MemoryEventStore
from wxvault.errors import InvalidRequestError

LARGEST = 300_000


def server(key, apply, port=8080):
    """Return a server on loopback that applies each event once."""
    guard = EventGuard(MemoryEventStore())

    class Receiver(BaseHTTPRequestHandler):
        """EventBridge takes 2xx for done, and brings what gets a 401, 429 or 5xx again."""

        def do_POST(self):
            # As bytes: compare_digest takes texts of ASCII only, and a stranger may send any.
            if not hmac.compare_digest(
                self.headers.get("x-webhook-key", "").encode(), key.encode()
            ):
                self.answer(401, "not the key")
                return
            try:
                length = int(self.headers.get("content-length", 0))
            except ValueError:
                self.answer(400, "content-length is no number")
                return
            if not 0 < length <= LARGEST:
                self.answer(413, "no event is as large as that")
                return
            try:
                verdict = guard.handle(json.loads(self.rfile.read(length)), apply)
            except EventBusyError as error:
                self.answer(503, error.code)
            except (InvalidRequestError, ValueError):
                self.answer(400, "not an event of wxvault's")
            else:
                self.answer(200, verdict)

        def answer(self, status, text):
            self.send_response(status)
            self.send_header("content-type", "text/plain")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args):
            """Say nothing: a path may hold a secret."""

    return ThreadingHTTPServer(("127.0.0.1", port), Receiver)


def tell(event, verdict):
    """Say who has sent something; not what."""
    detail = event["detail"]
    print(f"{detail['authorizer_appid']}: {detail['msg_type']} {detail['event'] or ''}")


if __name__ == "__main__":
    server(os.environ["WEBHOOK_KEY"], tell).serve_forever()
