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
            try:
                take(guard, message["Body"], say)
            except EventBusyError:
                continue
            except Exception as error:  # noqa: BLE001 -- whatever it is, the others can be done
                # It comes again, and after five times it is in the dead-letter queue. Its text is
                # not printed: nobody knows what is in it.
                say(f"left in the queue: {message['MessageId']}: {type(error).__name__}")
                continue
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def take(guard, body, say):
    """Do what an event asks for, once."""
    event = json.loads(body)
    verdict = guard.handle(event, lambda event, verdict: tell(event, verdict, say))
    if verdict is Verdict.REPEATED:
        say(f"{event['detail-type']}: {verdict}")


def tell(event, verdict, say):
    """Say what a person should look at, also if something newer has been said already."""
    detail = event["detail"]
    late = " (late)" if verdict is Verdict.LATE else ""
    say(f"{event['detail-type']}: {detail['authorizer_appid']} of {detail['tenant_id']}{late}")


if __name__ == "__main__":
    consume(sys.argv[1])
