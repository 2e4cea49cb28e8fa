"""The table, read with the vault's adapters and the root user's rights; secrets by hash only."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import time
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.stack.leaks import Known
from wxvault.clock import SystemClock
from wxvault.errors import SealBrokenError, TableUnavailableError
from wxvault.services.state import RENEWABLE, Status
from wxvault.vault.expressions import Key
from wxvault.vault.sealing import Compartment, KmsDataKeys, Sealing, compartment_of
from wxvault.vault.table import DynamoTable
from wxvault.vault.token_items import TokenItems

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.stack.stack import LocalStack
    from wxvault.services.state import TokenState


def data_keys(stack: LocalStack) -> list[Known]:
    """Return the plain data keys that seal what is in the table: secrets as well."""
    found: dict[bytes, Compartment] = {}
    for item in stack.scan_table():
        if "sealed_key" in item:
            found[item["sealed_key"]["B"]] = compartment_of(Key(item["pk"]["S"], item["sk"]["S"]))
    keys = KmsDataKeys(
        stack.root.kms, stack.outputs["SealingKeyArn"], stack.component.appid, SystemClock()
    )
    return [
        Known("data key", keys.unwrap(compartment, wrapped))
        for wrapped, compartment in found.items()
    ]


class Vault:
    """What the table says of the authorizers, and their renewals brought forward."""

    def __init__(self, stack: LocalStack) -> None:
        root, component = stack.root, stack.component.appid
        keys = KmsDataKeys(root.kms, stack.outputs["SealingKeyArn"], component, SystemClock())
        self._stack = stack
        self._name = stack.outputs["TableName"]
        clock, uniform = SystemClock(), SystemRandom().random
        table = DynamoTable(root.dynamodb, self._name, clock, uniform)
        sealing = Sealing(keys, secrets.token_bytes)
        self._tokens = TokenItems(table, sealing, component, clock, uniform)

    def state(self, appid: str | None) -> TokenState | None:
        """Read one item; None for the appid means the component's."""
        for _ in range(_TRIES - 1):
            with contextlib.suppress(TableUnavailableError):
                return self._tokens.get(appid)
            time.sleep(_PAUSE_SECONDS)
        return self._tokens.get(appid)

    def refresh_hash(self, state: TokenState) -> str | None:
        """Return the hash of the refresh token that an item holds; None without one."""
        try:
            value = self._tokens.refresh_token(state)
        except SealBrokenError:
            return None
        return None if value is None else hashlib.sha256(value.encode()).hexdigest()

    def items(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """All authorizers' items as DynamoDB returns them, by appid."""
        prefix = f"A#{self._stack.component.appid}#"
        for item in self._stack.scan_table():
            key = str(item["pk"].get("S"))
            if key.startswith(prefix) and item["sk"].get("S") == "TOKEN":
                yield key.removeprefix(prefix), item

    def open_codes(self) -> dict[str, float]:
        """Until when nobody may touch each code that is neither done nor failed; by its hash."""
        found = {}
        for item in self._stack.scan_table():
            if item["sk"].get("S") == "CODE" and item.get("status", {}).get("S") in _OPEN:
                times = (item.get(name, {}).get("N", "0") for name in ("due_at", "claim_until"))
                code = str(item["pk"].get("S")).rpartition("#")[2]
                found[code] = max(float(str(one)) for one in times)
        return found

    def unsent_events(self) -> list[str]:
        """What the bus has not, by its key."""
        keys = [
            (str(item["pk"].get("S")), str(item["sk"].get("S")))
            for item in self._stack.scan_table()
        ]
        return [f"{pk} {sk}" for pk, sk in keys if pk.startswith("O#")]

    def make_due(self, appid: str | None, *, ended: bool = False) -> bool:
        """Bring a renewal forward to now; False: there was none that was not due yet.

        A token lives two hours, and is due after one and a half. ``ended``: the access token is
        dropped as well, as a verification does it, so that the next look-up has to wait.
        """
        now = time.time()
        owner = f"C#{self._stack.component.appid}"
        if appid is not None:
            owner = f"A#{self._stack.component.appid}#{appid}"
        sets, values = "SET #due = :now", {":now": {"N": f"{now - 1:.3f}"}}
        names = {"#due": "due_at", "#mark": "unresolved_mark"}
        if ended:
            sets += f" REMOVE {', '.join(f'#{name}' for name in _ACCESS)}"
            names |= {f"#{name}": name for name in _ACCESS}
        try:
            self._stack.root.dynamodb.update_item(
                TableName=self._name,
                Key={"pk": {"S": owner}, "sk": {"S": "TOKEN"}},
                UpdateExpression=sets,
                ConditionExpression="#due > :now AND attribute_not_exists(#mark)",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
        except ClientError:
            return False
        except BotoCoreError:
            # Nobody has heard whether it happened: counted as if it had.
            return True
        return True


# A busy emulator is late for the judge, too.
_TRIES = 3
_PAUSE_SECONDS = 1.0
_ACCESS = ("access_token", "access_expires_at", "access_expires_in", "stored_at")
_OPEN = ("received", "claimed")


def unrest(state: TokenState, now: float) -> str:
    """Say what is still under way for an item of a merchant who is here; empty: it is fresh."""
    if state.status not in RENEWABLE:
        return str(state.status)
    signs = {
        "verifying": state.verifying,
        "leased": state.lease_until is not None and state.lease_until >= now,
        "marked": state.unresolved_mark is not None,
        "due": state.due_at is None or state.due_at <= now,
        "without token": not state.has_access,
        "failing": state.status is Status.FAILING,
        "backing off": state.attempts > 0,
    }
    return ", ".join(name for name, sign in signs.items() if sign)
