"""Marks of the guard in a DynamoDB table with the one key ``pk``: fits ``EventStore``."""

from decimal import Decimal

from botocore.exceptions import ClientError

from wxvault.client_events import Mark


class DynamoEventStore:
    """All environments of a function share it."""

    def __init__(self, table):
        """Take a boto3 ``Table``."""
        self._table = table

    def read(self, key, /):
        """Read a mark, strongly consistent."""
        item = self._table.get_item(Key={"pk": key}, ConsistentRead=True).get("Item")
        if item is None:
            return None
        busy, ends = item.get("busy_until"), item.get("delete_after")
        return Mark(
            tuple(int(one) for one in item["seen"]),
            None if busy is None else float(busy),
            None if ends is None else int(ends),
        )

    def swap(self, key, old, new, /):
        """Replace a mark if it is still ``old``."""
        wanted = _unchanged(old)
        try:
            if new is None:
                self._table.delete_item(Key={"pk": key}, **wanted)
            else:
                self._table.put_item(Item={"pk": key, **_attributes(new)}, **wanted)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True


def _attributes(mark):
    told = {
        "seen": list(mark.seen),
        "busy_until": None if mark.busy_until is None else Decimal(str(mark.busy_until)),
        "delete_after": mark.delete_after,
    }
    return {name: value for name, value in told.items() if value is not None}


def _unchanged(mark):
    if mark is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    conditions, values = ["#s = :s"], {":s": list(mark.seen)}
    if mark.busy_until is None:
        conditions.append("attribute_not_exists(#b)")
    else:
        conditions.append("#b = :b")
        values[":b"] = Decimal(str(mark.busy_until))
    return {
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {"#s": "seen", "#b": "busy_until"},
        "ExpressionAttributeValues": values,
    }
