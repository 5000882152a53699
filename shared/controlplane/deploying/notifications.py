"""The announcements of a bucket that is not the stack's own: the machine's among others, which stay as they are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EVENTS = {"created": "s3:ObjectCreated:*", "removed": "s3:ObjectRemoved:*"}
KINDS = ("TopicConfigurations", "QueueConfigurations", "LambdaFunctionConfigurations")

Configuration = dict[str, Any]
"""As S3 gives and takes it."""


@dataclass(frozen=True)
class Announcer:
    """Who announces what: the stack's topic, of the keys that begin with a prefix."""

    stack: str
    topic: str
    """The topic's ARN."""
    prefix: str

    def owns(self, entry: Mapping[str, Any]) -> bool:
        """Whether the entry is the machine's, whoever wrote it: CloudFormation gives entries names of its own."""
        return entry.get("TopicArn") == self.topic or entry.get("Id") in {f"{self.stack}-{event}" for event in EVENTS}


def without(configuration: Mapping[str, Any], announcer: Announcer) -> Configuration:
    """`configuration` without the machine's entries, and without what S3 reads out but does not take back."""
    kept = {kind: entries for kind, entries in configuration.items() if kind != "ResponseMetadata"}
    topics = [entry for entry in kept.pop("TopicConfigurations", []) if not announcer.owns(entry)]
    return {**kept, "TopicConfigurations": topics} if topics else kept


def merged(configuration: Mapping[str, Any], announcer: Announcer) -> Configuration:
    """`configuration` with the machine's entries, once."""
    kept = without(configuration, announcer)
    rules = [{"Name": "prefix", "Value": announcer.prefix}] if announcer.prefix else []
    ours = [
        {
            "Id": f"{announcer.stack}-{name}",
            "TopicArn": announcer.topic,
            "Events": [event],
            **({"Filter": {"Key": {"FilterRules": rules}}} if rules else {}),
        }
        for name, event in EVENTS.items()
    ]
    return {**kept, "TopicConfigurations": [*kept.get("TopicConfigurations", []), *ours]}


def overlaps(configuration: Mapping[str, Any], announcer: Announcer) -> list[str]:
    """The entries of others that S3 would not let the machine's stand beside, each as a person can find it."""
    return [
        f"{', '.join(entry['Events'])} below {_rule(entry, 'prefix') or 'the whole bucket'} to {destination}"
        for entry, destination in _entries(without(configuration, announcer))
        if _same_events(entry["Events"]) and _same_keys(_rule(entry, "prefix"), announcer.prefix)
    ]


def _entries(configuration: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    for kind in KINDS:
        for entry in configuration.get(kind, ()):
            yield entry, next((value for name, value in entry.items() if name.endswith("Arn")), "somebody")


def _same_events(events: Sequence[str]) -> bool:
    """Whether one of them is among the machine's: `s3:ObjectCreated:Put` is a part of `s3:ObjectCreated:*`."""
    families = tuple(event.removesuffix("*") for event in EVENTS.values())
    return any(event.startswith(families) for event in events)


def _same_keys(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _rule(entry: Mapping[str, Any], name: str) -> str:
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", ())
    # S3 itself has been seen to say Prefix.
    return next((str(rule["Value"]) for rule in rules if rule["Name"].lower() == name), "")
