"""The samples of subscribers that run for long: odd input stops neither of them."""

from __future__ import annotations

import http.client
import importlib.util
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]


def loaded(path: str) -> Any:
    """Load a sample as a module."""
    file = ROOT / "examples" / "subscribers" / path
    spec = importlib.util.spec_from_file_location(f"sample_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sample(name: str) -> dict[str, Any]:
    """Return an event as EventBridge delivers it."""
    found: dict[str, Any] = json.loads((ROOT / "events" / "bus" / f"{name}.json").read_text())
    return found


class FakeQueue:
    """A queue that gives each message once, and knows which were deleted."""

    def __init__(self, bodies: list[str]) -> None:
        self.bodies = bodies
        self.deleted: list[int] = []

    def receive_message(self, **_: Any) -> dict[str, Any]:
        """Give all of them."""
        return {
            "Messages": [
                {"MessageId": f"m{number}", "ReceiptHandle": number, "Body": body}
                for number, body in enumerate(self.bodies)
            ]
        }

    def delete_message(self, *, ReceiptHandle: int, **_: Any) -> None:  # noqa: N803
        """Delete one."""
        self.deleted.append(ReceiptHandle)


def test_an_odd_message_is_left_for_the_dead_letters_and_the_next_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another version, no JSON, no event, no merchant: said by id, and the good one is done."""
    good, other, bare = (sample("authorizer.revoked") for _ in range(3))
    other["detail"]["version"] = "2"
    bare["detail"] = {**bare["detail"], "event_id": "0" * 32, "sequence": None}
    del bare["detail"]["authorizer_appid"]
    bodies = [json.dumps(other), "s3cret", "[]", json.dumps(bare), json.dumps(good)]
    queue, said = FakeQueue([*bodies, json.dumps(good)]), list[str]()
    consumer = loaded("queue/consume.py")
    monkeypatch.setattr(consumer.boto3, "client", lambda _: queue)
    consumer.consume("url", said.append, rounds=1)
    assert queue.deleted == [4, 5]
    assert [line.rpartition(" ")[0] for line in said[:4]] == [
        f"left in the queue: m{number}:" for number in range(4)
    ]
    assert said[4:] == [
        "authorizer.revoked: wxf8b4f85f3a794e77 of demo-shop",
        "authorizer.revoked: repeated",
    ]
    assert "s3cret" not in str(said)


KEY = "a-key-of-thirty-two-characters-xx"


@pytest.fixture(name="port", scope="module")
def _port() -> Iterator[int]:
    """The port of the webhook's receiver."""
    server = loaded("webhook/receive.py").server(KEY, lambda *_: None, 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


GOOD = json.dumps(sample("message.received")).encode()
POSTS: dict[str, tuple[dict[str, str | bytes], bytes, int]] = {
    "an event": ({"x-webhook-key": KEY}, GOOD, 200),
    "no key": ({}, GOOD, 401),
    "another key": ({"x-webhook-key": KEY + "x"}, GOOD, 401),
    "a key beyond ASCII": ({"x-webhook-key": "钥匙".encode()}, GOOD, 401),
    "a length that is none": ({"x-webhook-key": KEY, "content-length": "ten"}, b"", 400),
    "a negative length": ({"x-webhook-key": KEY, "content-length": "-1"}, b"", 413),
    "a length beyond all": ({"x-webhook-key": KEY, "content-length": "9" * 5000}, b"", 400),
    "no event": ({"x-webhook-key": KEY}, b"[]", 400),
    "no JSON": ({"x-webhook-key": KEY}, b"\xff", 400),
}


@pytest.mark.loopback
@pytest.mark.parametrize(("headers", "body", "status"), POSTS.values(), ids=POSTS)
def test_the_receiver_answers_whatever_is_posted(
    port: int, headers: dict[str, str | bytes], body: bytes, status: int
) -> None:
    """An event is taken; a wrong key is a 401, odd input a 400: never a broken connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.putrequest("POST", "/events")
    for name, value in {"content-length": str(len(body)), **headers}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    try:
        assert connection.getresponse().status == status
    finally:
        connection.close()
