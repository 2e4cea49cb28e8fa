"""Keeps the latest state of each merchant: ``authorizer.*`` events, in whatever order they come."""

import json
import os

import boto3
from dynamo_event_store import DynamoEventStore

from wxvault.client_events import EventGuard

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
guard = EventGuard(DynamoEventStore(table))


def handler(event, context):
    """Apply an event if it is news. What raises here, EventBridge and Lambda bring again."""
    verdict = guard.handle(event, keep)
    print(json.dumps({"event": event["detail-type"], "verdict": verdict}))
    return {"verdict": verdict}


def keep(event):
    """Write what a merchant is now; to write it twice is no harm."""
    detail = event["detail"]
    table.put_item(
        Item={
            "pk": f"merchant#{detail['authorizer_appid']}",
            "state": event["detail-type"].removeprefix("authorizer."),
            "tenant_id": detail["tenant_id"],
            "sequence": detail["sequence"],
        }
    )
