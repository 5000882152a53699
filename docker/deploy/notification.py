"""Adds the machine's notification to a bucket of the user's, or takes it away, and leaves all others as they are.

    notification.py add STACK BUCKET TOPIC
    notification.py remove STACK BUCKET

S3 knows only how to replace all of a bucket's notifications, so they are read, changed and written back.
"""

import sys
from typing import Any

import boto3

EVENTS = {"created": "s3:ObjectCreated:*", "removed": "s3:ObjectRemoved:*"}


def without(configuration: dict[str, Any], stack: str) -> dict[str, Any]:
    """`configuration` without the entries of `stack`, and without what S3 reads out but does not take back."""
    kept = {kind: entries for kind, entries in configuration.items() if kind != "ResponseMetadata"}
    ours = {f"{stack}-{event}" for event in EVENTS}
    topics = [entry for entry in kept.pop("TopicConfigurations", []) if entry["Id"] not in ours]
    return {**kept, "TopicConfigurations": topics} if topics else kept


def merged(configuration: dict[str, Any], stack: str, topic: str) -> dict[str, Any]:
    """`configuration` with the entries of `stack`, once."""
    kept = without(configuration, stack)
    entries = [
        {
            "Id": f"{stack}-{name}",
            "TopicArn": topic,
            "Events": [event],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "ingest/"}]}},
        }
        for name, event in EVENTS.items()
    ]
    return {**kept, "TopicConfigurations": [*kept.get("TopicConfigurations", []), *entries]}


def main(verb: str, stack: str, bucket: str, topic: str = "") -> None:
    """Changes the bucket, if there is something to change."""
    s3 = boto3.client("s3")
    before = s3.get_bucket_notification_configuration(Bucket=bucket)
    after = merged(before, stack, topic) if verb == "add" else without(before, stack)
    before.pop("ResponseMetadata")
    if after != before:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=after)


if __name__ == "__main__":
    main(*sys.argv[1:])
