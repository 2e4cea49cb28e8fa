"""The fault proxy between the real SDK and a tiny server: every fault, byte for byte otherwise."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError

from sandbox.chaos.faults import FaultBoard, Rule
from sandbox.chaos.proxy import FaultProxy
from tests.unit.chaos.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.loopback

KEY: Any = {"pk": {"S": "a"}, "sk": {"S": "b"}}
ITEM: dict[str, Any] = {"TableName": "t", "Key": KEY}
ENTRIES: dict[str, Any] = {"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}"}]}


@pytest.fixture
def origin() -> Iterator[Origin]:
    """AWS."""
    with Origin() as running:
        yield running


@pytest.fixture
def proxy(origin: Origin) -> Iterator[FaultProxy]:
    """A proxy before it, without rules."""
    with FaultProxy(FaultBoard(), target_port=origin.port) as running:
        yield running


@pytest.fixture
def clients() -> Iterator[list[Any]]:
    """Clients that a test has made; closed at its end."""
    made: list[Any] = []
    yield made
    for client in made:
        client.close()


def ask(
    proxy: FaultProxy,
    clients: list[Any],
    service: str,
    operation: str,
    attempts: int = 1,
    **given: Any,
) -> Any:
    """Ask AWS through the proxy, as a function does."""
    make: Any = boto3.client
    config = Config(
        proxies={},
        read_timeout=1,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    client = make(service, endpoint_url=proxy.url, config=config)
    clients.append(client)
    return getattr(client, operation)(**given)


def test_without_rules_everything_passes_as_it_came(
    proxy: FaultProxy, origin: Origin, clients: list[Any]
) -> None:
    """Path, headers and body are the client's own, Host included: signatures cover them."""
    answer = ask(proxy, clients, "dynamodb", "get_item", **ITEM)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    ((method, path, headers, body),) = origin.seen
    assert (method, path) == ("POST", "/")
    assert headers["host"] == f"127.0.0.1:{proxy.port}"
    assert "host;" in headers["authorization"]
    assert b'"TableName"' in body
    assert proxy.board.seen() == {("dynamodb", "GetItem"): 1}


def test_a_connection_is_used_again(proxy: FaultProxy, origin: Origin, clients: list[Any]) -> None:
    """Several requests on one connection, with answers in chunks too."""
    origin.chunked = True
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as connection:
        for number in (b"1", b"2"):
            connection.sendall(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
            answer = b""
            while not answer.endswith(b"0\r\n\r\n"):
                answer += connection.recv(4096)
            assert b'{"number":%s}' % number in answer
        connection.sendall(
            b"POST /y HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab"
        )
        while connection.recv(4096):
            pass
    assert [(path, body) for _, path, _, body in origin.seen] == [
        ("/x", b""),
        ("/x", b""),
        ("/y", b"ab"),
    ]


@pytest.mark.parametrize(
    ("service", "operation", "given", "codes"),
    [
        (
            "dynamodb",
            "get_item",
            ITEM,
            {"ProvisionedThroughputExceededException", "ThrottlingException"},
        ),
        (
            "dynamodb",
            "transact_write_items",
            {"TransactItems": [{"Delete": ITEM}, {"Delete": ITEM}]},
            {"ProvisionedThroughputExceededException", "TransactionCanceledException"},
        ),
        ("kms", "decrypt", {"CiphertextBlob": b"x"}, {"ThrottlingException"}),
        ("secretsmanager", "get_secret_value", {"SecretId": "s"}, {"ThrottlingException"}),
        (
            "sqs",
            "send_message",
            {"QueueUrl": "http://127.0.0.1:9/1/q", "MessageBody": "m"},
            {"RequestThrottled"},
        ),
        ("lambda", "invoke", {"FunctionName": "f"}, {"TooManyRequestsException"}),
    ],
)
def test_a_throttle_is_what_the_sdk_expects(
    proxy: FaultProxy,
    origin: Origin,
    clients: list[Any],
    service: str,
    operation: str,
    given: dict[str, Any],
    codes: set[str],
) -> None:
    """Each service in its own words, all of its ways in turn; AWS itself sees nothing."""
    told = []
    with proxy.board.active(Rule("throttle", service)):
        for _ in range(4):
            with pytest.raises(ClientError) as refused:
                ask(proxy, clients, service, operation, **given)
            told.append(refused.value.response)
    assert {answer["Error"]["Code"] for answer in told} == codes
    assert origin.seen == []
    cancelled = [answer for answer in told if "CancellationReasons" in answer]
    for answer in cancelled:
        reasons: Any = answer["CancellationReasons"]
        assert [reason["Code"] for reason in reasons] == ["ThrottlingError", "None"]


def test_a_throttled_bus_refuses_the_request_or_the_entries(
    proxy: FaultProxy, clients: list[Any]
) -> None:
    """EventBridge answers 200 with failed entries, or refuses as others do."""
    with proxy.board.active(Rule("throttle", "events", "PutEvents")):
        with pytest.raises(ClientError, match="ThrottlingException"):
            ask(proxy, clients, "events", "put_events", **ENTRIES)
        answer = ask(proxy, clients, "events", "put_events", **ENTRIES)
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == "ThrottlingException"


@pytest.mark.parametrize("service", ["dynamodb", "kms", "sqs", "events"])
def test_the_sdk_asks_again_after_a_throttle(
    proxy: FaultProxy, origin: Origin, clients: list[Any], service: str
) -> None:
    """What is refused once is repeated by the client itself: the shape is recognised."""
    given: dict[str, tuple[str, dict[str, Any]]] = {
        "dynamodb": ("get_item", ITEM),
        "kms": ("decrypt", {"CiphertextBlob": b"x"}),
        "sqs": ("send_message", {"QueueUrl": "http://127.0.0.1:9/1/q", "MessageBody": "m"}),
        "events": ("put_events", ENTRIES),
    }
    operation, arguments = given[service]
    proxy.board.add(Rule("throttle", service, count=1))
    ask(proxy, clients, service, operation, attempts=2, **arguments)
    assert len(origin.seen) == 1


@pytest.mark.parametrize(("kind", "executed"), [("drop_before", 0), ("drop_after", 1)])
def test_a_drop_closes_the_connection(
    proxy: FaultProxy, origin: Origin, clients: list[Any], kind: str, executed: int
) -> None:
    """Before it nothing is executed, after it everything: the client cannot tell."""
    with proxy.board.active(Rule(kind)), pytest.raises(ConnectionClosedError):
        ask(proxy, clients, "dynamodb", "get_item", **ITEM)
    assert len(origin.seen) == executed


def test_a_delayed_request_is_executed_though_nobody_waits(
    proxy: FaultProxy, origin: Origin, clients: list[Any]
) -> None:
    """The client gives up after a second; the request happens all the same, late."""
    with proxy.board.active(Rule("delay", delays=(1.3,))):
        with pytest.raises(BotoCoreError):
            ask(proxy, clients, "dynamodb", "get_item", **ITEM)
        assert origin.seen == []
        deadline = time.monotonic() + 5
        while not origin.seen and time.monotonic() < deadline:
            time.sleep(0.02)
    assert len(origin.seen) == 1


def test_a_duplicate_is_executed_twice_and_answered_once(
    proxy: FaultProxy, origin: Origin, clients: list[Any]
) -> None:
    """The client sees the first answer."""
    with proxy.board.active(Rule("duplicate")):
        answer = ask(proxy, clients, "lambda", "invoke", FunctionName="f")
    assert answer["Payload"].read() == b'{"number":1}'
    assert len(origin.seen) == 2
    assert origin.seen[0][1:] == origin.seen[1][1:]


def test_when_aws_is_gone_the_client_is_told(clients: list[Any]) -> None:
    """502, as a gateway says it, not a hanging connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with FaultProxy(target_port=port) as proxy, pytest.raises(ClientError, match="502"):
        ask(proxy, clients, "dynamodb", "get_item", **ITEM)


def test_what_is_no_request_ends_its_own_connection_only(
    proxy: FaultProxy, clients: list[Any]
) -> None:
    """Half a head, a broken length, a broken chunk: closed; the next client is served."""
    for broken in (
        b"GET / HT",
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
    ):
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as connection:
            connection.sendall(broken)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(100) == b""
    ask(proxy, clients, "dynamodb", "get_item", **ITEM)


def test_the_end_may_come_twice(origin: Origin) -> None:
    """Also in the middle of a request that is held."""
    proxy = FaultProxy(target_port=origin.port)
    proxy.start()
    proxy.board.add(Rule("delay", delays=(60.0,)))
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as connection:
        connection.sendall(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
        while not proxy.board.seen():
            time.sleep(0.01)
        proxy.stop()
        proxy.stop()
        assert connection.recv(100) == b""
