"""Keeps the latest state of each merchant: ``authorizer.*`` events, in whatever order they come."""

import json
import os

import boto3
from dynamo_event_store import DynamoEventStore

from wxvault.client_events import EventGuard, Verdict

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
tenant = os.environ["TENANT_ID"]
guard = EventGuard(DynamoEventStore(table))


def handler(event, context):
    """Apply an event, once. What raises here, EventBridge and Lambda bring again."""
    verdict = guard.handle(event, apply)
    print(json.dumps({"event": event["detail-type"], "verdict": verdict}))
    return {"verdict": verdict}


def apply(event, verdict):
    """Keep what the newest says; what is to be done for a late one too has its place here."""
    if verdict is Verdict.NEWEST:
        keep(event["detail"])


def keep(detail):
    """Write what a merchant is now, or that it is another tenant's; twice is no harm."""
    key = {"pk": f"merchant#{detail['authorizer_appid']}"}
    if detail["tenant_id"] != tenant:
        table.delete_item(Key=key)
        return
    table.put_item(
        Item={**key, "status": detail["status"], "sequence": detail["sequence"]},
    )
