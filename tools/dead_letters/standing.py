"""Whether a dead letter is still wanted: the table knows what is due, and the sweep reads it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from wxvault.vault.keys import (
    authorizer_key,
    code_key,
    component_key,
    release_answer_key,
    reuse_ticket_key,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from tools.dead_letters.meaning import Meaning
    from tools.dead_letters.stacks import Stack
    from wxvault.vault.expressions import Key


class Wanted(Enum):
    """What is to become of it."""

    DUE = "due"
    """Still to be done, and sent anew by every sweep: nothing is lost by dropping the letter."""
    SETTLED = "settled"
    """Done since, or no longer possible."""
    STRANGE = "strange"
    """Nothing that this deployment has sent: somebody has to look."""
    UNKNOWN = "unknown"
    """The table could not be read."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the letter's subject stands now."""

    wanted: Wanted
    text: str


class Standings:
    """Looks subjects up in the stack's table, each once, and nothing but status and due time."""

    def __init__(self, stack: Stack, now: float) -> None:
        self._stack = stack
        self._now = now
        self._known: dict[Key, Standing] = {}

    def of(self, meaning: Meaning) -> Standing:
        """Return how a letter's subject stands."""
        if meaning.wake_up:
            return Standing(Wanted.SETTLED, "no: the wake-ups after it look again")
        component = self._stack.component_appid
        if meaning.authorizer_appid is not None:
            key = authorizer_key(component, meaning.authorizer_appid)
        elif meaning.code_sha256 is not None:
            key = code_key(component, meaning.code_sha256)
        elif meaning.ticket_sha256 is not None:
            key = reuse_ticket_key(component, meaning.ticket_sha256)
        elif meaning.release_code_sha256 is not None:
            key = release_answer_key(component, meaning.release_code_sha256)
        elif meaning.component:
            key = component_key(component)
        else:
            return Standing(Wanted.STRANGE, "no: nobody can do it; find out who sent it")
        if key not in self._known:
            self._known[key] = self._look(key)
        return self._known[key]

    def _look(self, key: Key) -> Standing:
        try:
            item = self._read(key)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return Standing(Wanted.UNKNOWN, f"unknown: the table cannot be read ({code})")
        if item is None:
            text = "no: the table has no such item; it was sent for another deployment"
            return Standing(Wanted.STRANGE, text)
        status = item.get("status", {}).get("S", "there")
        due_at = item.get("due_at", {}).get("N")
        if due_at is None:
            return Standing(Wanted.SETTLED, f"no: it is {status}, and nothing is due")
        left = float(due_at) - self._now
        if left > 0:
            return Standing(Wanted.SETTLED, f"no: it is {status}, next due in {left / 60:.0f} min")
        text = f"yes: it is {status} and due, so every sweep sends it anew; this one may go"
        return Standing(Wanted.DUE, text)

    def _read(self, key: Key) -> dict[str, AttributeValueTypeDef] | None:
        (table,) = self._stack.of_type("AWS::DynamoDB::Table").values()
        answer = self._stack.dynamodb.get_item(
            TableName=table,
            Key={"pk": {"S": key.pk}, "sk": {"S": key.sk}},
            ConsistentRead=True,
            # Sealed values stay where they are.
            ProjectionExpression="#pk, #status, #due_at",
            ExpressionAttributeNames={"#pk": "pk", "#status": "status", "#due_at": "due_at"},
        )
        return answer.get("Item")
