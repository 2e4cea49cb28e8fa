"""Consumers as AWS has them: IAM roles. The root user may do everything and proves nothing."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.stack.aws import Clients, Credentials
from sandbox.stack.errors import StackError
from sandbox.stack.http_client import Answer, Signer, encoded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Role:
    """Somebody with temporary credentials and no more rights than the role's policies give."""

    name: str
    arn: str
    clients: Clients
    platform_url: str

    def invoke(self, function: str, payload: object) -> Any:
        """Invoke a function by name or ARN and return its parsed answer.

        Raises `FunctionFailedError` when the function itself failed, botocore's ClientError when
        the role may not.
        """
        return invoke(self.clients, function, payload)

    def http(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Mapping[str, Any] = b"",
    ) -> Answer:
        """A request to the platform, signed with SigV4; a mapping as body is sent as JSON."""
        content, given = encoded(body, headers)
        url = f"{self.platform_url}{path}"
        return self.signer().send(method, url, headers=given, body=content)

    def signer(self) -> Signer:
        """What signs this role's requests; a test can take a signature apart."""
        return Signer(self.clients.credentials, self.clients.region)


class FunctionFailedError(StackError):
    """A function raised or ran out of time; ``payload`` is what Lambda answered."""

    def __init__(self, function: str, payload: Any) -> None:
        super().__init__(f"{function.rpartition(':function:')[2] or function} failed: {payload}")
        self.payload = payload


def invoke(clients: Clients, function: str, payload: object) -> Any:
    """Invoke a function and return its parsed answer. Raises `FunctionFailedError`."""
    answer = clients.lambda_.invoke(FunctionName=function, Payload=json.dumps(payload).encode())
    parsed = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError"):
        raise FunctionFailedError(function, parsed)
    return parsed


def allow(sid: str, actions: str | Sequence[str], resources: str | Sequence[str]) -> dict[str, Any]:
    """One Allow statement."""
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


class Roles:
    """Makes roles on demand, one per name."""

    def __init__(self, root: Clients, account: str, platform_url: str, api: str) -> None:
        self._root = root
        self._account = account
        self._platform_url = platform_url
        self._api = api
        self._lock = threading.Lock()
        self._made: dict[str, Role] = {}

    def execute_api(self, method: str, path: str) -> str:
        """The ARN that allows one method and path of the platform's API."""
        region = self._root.region
        return f"arn:aws:execute-api:{region}:{self._account}:{self._api}/$default/{method}{path}"

    def make(
        self,
        name: str,
        statements: Sequence[Mapping[str, Any]] = (),
        *,
        managed_policies: Sequence[str] = (),
    ) -> Role:
        """A role with these statements and policies, assumed; the same role for the same name."""
        with self._lock:
            if name not in self._made:
                self._made[name] = self._create(name, statements, managed_policies)
            return self._made[name]

    def caller_of_paths(self, name: str, paths: Sequence[tuple[str, str]]) -> Role:
        """A role that may call single methods and paths, such as one merchant's token."""
        resources = [self.execute_api(method, path) for method, path in paths]
        return self.make(name, [allow("Call", "execute-api:Invoke", resources)])

    def caller_for_authorizer(self, appid: str) -> Role:
        """A role that may look up one authorizer's token over HTTP and nothing else."""
        return self.caller_of_paths(f"only-{appid}", [("GET", f"/tokens/{appid}")])

    def calls_for_authorizer(self, appid: str) -> Role:
        """A role that may call WeChat and log users in for one authorizer, and nothing else."""
        trees = (("GET", "call"), ("POST", "call"), ("POST", "login"))
        paths = [(method, f"/{tree}/{appid}/*") for method, tree in trees]
        return self.caller_of_paths(f"calls-{appid}", paths)

    def caller_for_tenant(self, tenant: str) -> Role:
        """A role that may create and watch one tenant's sessions over HTTP and nothing else."""
        bases = [f"/tenants/{tenant}/{what}" for what in ("auth-urls", "registrations")]
        paths = [
            (method, path)
            for base in bases
            for method, path in (("POST", base), ("GET", f"{base}/*"))
        ]
        return self.caller_of_paths(f"tenant-{tenant}", paths)

    def nobody(self) -> Role:
        """A role without any right."""
        return self.make("nobody")

    def _create(
        self, name: str, statements: Sequence[Mapping[str, Any]], managed: Sequence[str]
    ) -> Role:
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{self._account}:root"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        made = self._root.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        if statements:
            document = {"Version": "2012-10-17", "Statement": list(statements)}
            self._root.iam.put_role_policy(
                RoleName=name, PolicyName="rights", PolicyDocument=json.dumps(document)
            )
        for policy in managed:
            self._root.iam.attach_role_policy(RoleName=name, PolicyArn=policy)
        arn = made["Role"]["Arn"]
        assumed = self._root.sts.assume_role(RoleArn=arn, RoleSessionName="runner")["Credentials"]
        credentials = Credentials(
            assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"]
        )
        clients = Clients(self._root.url, self._root.region, credentials)
        return Role(name, arn, clients, self._platform_url)
