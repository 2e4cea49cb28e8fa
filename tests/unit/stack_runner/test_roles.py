"""Consumers are roles with exactly the rights they are given."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from sandbox.stack.aws import Clients, Credentials
from sandbox.stack.http_client import Signer
from sandbox.stack.roles import FunctionFailedError, Roles, invoke


class FakeIam:
    """Remembers what was made."""

    def __init__(self) -> None:
        self.roles: list[str] = []
        self.policies: dict[str, Any] = {}
        self.attached: list[tuple[str, str]] = []

    def create_role(self, *, RoleName: str, **_: Any) -> Any:  # noqa: N803 (boto3's names)
        """Make a role."""
        self.roles.append(RoleName)
        return {"Role": {"Arn": f"arn:aws:iam::123456789012:role/{RoleName}"}}

    def put_role_policy(self, *, RoleName: str, PolicyDocument: str, **_: Any) -> None:  # noqa: N803
        """Give it rights."""
        self.policies[RoleName] = json.loads(PolicyDocument)["Statement"]

    def attach_role_policy(self, *, RoleName: str, PolicyArn: str) -> None:  # noqa: N803
        """Give it a managed policy."""
        self.attached.append((RoleName, PolicyArn))


class FakeSts:
    """Hands out made-up credentials."""

    def assume_role(self, **_: Any) -> Any:
        """Assume a role."""
        keys = {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "s", "SessionToken": "t"}
        return {"Credentials": keys}


@pytest.fixture
def iam() -> FakeIam:
    """What the root user makes roles with."""
    return FakeIam()


@pytest.fixture
def roles(iam: FakeIam) -> Roles:
    """Roles made by fakes."""
    root: Any = Clients("http://127.0.0.1:1", "us-east-1", Credentials.root())
    root.__dict__.update(iam=iam, sts=FakeSts())
    return Roles(root, "123456789012", "http://localhost:1", "api1")


def test_a_caller_for_one_authorizer_may_get_one_token(roles: Roles, iam: FakeIam) -> None:
    """One method of one path, by its execute-api ARN."""
    roles.caller_for_authorizer("wxA")
    (statement,) = iam.policies["only-wxA"]
    base = "arn:aws:execute-api:us-east-1:123456789012:api1/$default"
    assert statement["Action"] == "execute-api:Invoke"
    assert statement["Resource"] == [f"{base}/GET/tokens/wxA"]


def test_a_caller_for_one_tenant_may_open_and_watch_its_sessions(
    roles: Roles, iam: FakeIam
) -> None:
    """Creating, and reading below, for this tenant."""
    roles.caller_for_tenant("acme")
    (statement,) = iam.policies["tenant-acme"]
    paths = [resource.rpartition("$default")[2] for resource in statement["Resource"]]
    assert paths == [
        "/POST/tenants/acme/auth-urls",
        "/GET/tenants/acme/auth-urls/*",
        "/POST/tenants/acme/registrations",
        "/GET/tenants/acme/registrations/*",
    ]


def test_nobody_has_no_policy(roles: Roles, iam: FakeIam) -> None:
    """The negative case of every permission."""
    roles.nobody()
    assert (iam.policies, iam.attached) == ({}, [])


def test_the_same_name_is_the_same_role(roles: Roles, iam: FakeIam) -> None:
    """Tests share a role instead of failing on one that exists."""
    assert roles.nobody() is roles.nobody()
    assert iam.roles == ["nobody"]


def test_credentials_are_never_shown() -> None:
    """Repr has the key's name only."""
    assert "hidden" not in repr(Credentials("ASIAEXAMPLE", "hidden", "hidden"))


def test_a_signature_covers_host_query_and_body() -> None:
    """Another host, another query or another body gives another signature."""
    signer = Signer(Credentials("ASIAEXAMPLE", "s", "t"), "us-east-1")

    def signature(url: str, body: bytes = b"") -> str:
        headers = {"X-Amz-Date": "20260101T000000Z"}
        signed = signer.headers("POST", url, headers=headers, body=body)
        assert "X-Amz-Security-Token" in signed
        return signed["Authorization"].rpartition("Signature=")[2]

    signatures = {
        signature("http://localhost:1/a"),
        signature("http://127.0.0.1:1/a"),
        signature("http://localhost:1/a?b=1"),
        signature("http://localhost:1/a", b"x"),
    }
    assert len(signatures) == 4


class FakeLambda:
    """Answers one invocation."""

    def __init__(self, payload: object, *, failed: bool = False) -> None:
        self.answer: dict[str, Any] = {"Payload": io.BytesIO(json.dumps(payload).encode())}
        if failed:
            self.answer["FunctionError"] = "Unhandled"

    def invoke(self, **_: Any) -> Any:
        """Invoke a function."""
        return self.answer


def test_an_answer_is_parsed() -> None:
    """What the function returned."""
    clients: Any = type("Fake", (), {"lambda_": FakeLambda({"a": 1})})()
    assert invoke(clients, "f", {}) == {"a": 1}


def test_a_failed_function_is_an_error() -> None:
    """Its payload is at hand, its short name in the message."""
    payload = {"errorMessage": "x"}
    clients: Any = type("Fake", (), {"lambda_": FakeLambda(payload, failed=True)})()
    with pytest.raises(FunctionFailedError, match=r"^token:live failed") as error:
        invoke(clients, "arn:aws:lambda:us-east-1:123456789012:function:token:live", {})
    assert error.value.payload == payload
