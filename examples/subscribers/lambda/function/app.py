"""Keeps the latest state of each merchant: ``authorizer.*`` events, in whatever order they come."""

import json
import os

import boto3
from dynamo_event_store import DynamoEventStore

from wxvault.client_events import EventGuard, Verdict

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
guard = EventGuard(DynamoEventStore(table))


def handler(event, context):
    """Apply an event, once. What raises here, EventBridge and Lambda bring again."""
    verdict = guard.handle(event, keep)
    print(json.dumps({"event": event["detail-type"], "verdict": verdict}))
    return {"verdict": verdict}


def keep(event, verdict):
    """Write what a merchant is now; to write it twice is no harm."""
    if verdict is not Verdict.NEWEST:
        # It tells what was so before something that is written already.
        return
    detail = event["detail"]
    table.put_item(
        Item={
            "pk": f"merchant#{detail['authorizer_appid']}",
            "status": detail["status"],
            "tenant_id": detail["tenant_id"],
            "sequence": detail["sequence"],
        }
    )
