"""Takes events from the queue, and says of each what is to be done: ``python consume.py URL``."""

import json
import sys

import boto3

from wxvault.client_events import EventBusyError, EventGuard, MemoryEventStore, Verdict


def consume(url, say=print, *, rounds=None):
    """Take events for ever, or so many rounds; what is not done comes again by itself."""
    sqs = boto3.client("sqs")
    # It knows what it did for as long as it runs. Who has to know longer shares a table:
    # see ../lambda/function/dynamo_event_store.py.
    guard = EventGuard(MemoryEventStore())
    while rounds is None or rounds > 0:
        rounds = None if rounds is None else rounds - 1
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)
        for message in answer.get("Messages", []):
            event = json.loads(message["Body"])
            try:
                verdict = guard.handle(event, lambda event, verdict: tell(event, verdict, say))
            except EventBusyError:
                continue
            if verdict is Verdict.REPEATED:
                say(f"{event['detail-type']}: {verdict}")
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def tell(event, verdict, say):
    """Say what a person should look at, also if something newer has been said already."""
    detail = event["detail"]
    late = " (late)" if verdict is Verdict.LATE else ""
    say(f"{event['detail-type']}: {detail['authorizer_appid']} of {detail['tenant_id']}{late}")


if __name__ == "__main__":
    consume(sys.argv[1])
