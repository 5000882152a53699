"""What the functions wrote, read back from their log groups."""

import heapq
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from controlplane.account import code
from controlplane.machine import DeployedVariant, Machine
from controlplane.words import milliseconds, printable, size

_PAGE = 10_000
"""Events in one answer, at most."""
_LATE = timedelta(seconds=30)
"""How late a line may come to where it can be read."""
_EVERY_SECONDS = 1.0

_PLAIN = re.compile(r"[A-Za-z0-9 !/_.,()=-]*")
"""What can stand between quotation marks in a filter pattern and means itself."""
_ROUTINE = re.compile(r"(START|END|INIT_START|REPORT) |EXTENSION\t")
_TROUBLE = re.compile(
    r"\[ERROR\]|Traceback|Task timed out|Runtime exited|Status: (error|timeout)|Error Type: |fork/exec|panic"
)
_FAILED = frozenset({"rejected", "retried"})

_JSON_TROUBLE = (
    '{ ($.level = "WARNING") || ($.level = "ERROR")'
    ' || ($.record.status = "error") || ($.record.status = "failure") || ($.record.status = "timeout") }'
)
_TEXT_TROUBLE = '?"[ERROR]" ?Traceback ?"Task timed out" ?"Runtime exited" ?"Status: error" ?"Status: timeout"'


@dataclass(frozen=True)
class Line:
    """One line of a function's log."""

    variant: str
    at: datetime
    text: str
    said: Mapping[str, Any]
    """What it says where it is JSON, else nothing."""
    id: str
    """Tells it from all others of its variant."""

    @classmethod
    def read(cls, variant: str, event: Mapping[str, Any]) -> "Line":
        """From an event of FilterLogEvents."""
        text = event["message"].rstrip("\n")
        stamp = event["timestamp"]
        known = event.get("eventId") or f"{event.get('logStreamName')} {stamp} {text}"
        return cls(variant, datetime.fromtimestamp(stamp / 1000, UTC), text, _object(text), known)

    @property
    def outcome(self) -> str | None:
        """What became of an upload, where the line tells that."""
        outcome = self.said.get("outcome")
        return outcome if isinstance(outcome, str) else None

    @property
    def trouble(self) -> bool:
        """Whether it tells of something that did not go well."""
        if self.said:
            ended = self.said.get("record")
            failed = isinstance(ended, Mapping) and ended.get("status", "success") != "success"
            return failed or self.outcome in _FAILED or self.said.get("level") in ("WARNING", "ERROR")
        return _TROUBLE.search(self.text) is not None

    def as_json(self) -> dict[str, Any]:
        """As `logs --json` prints it: what it says as it says it, without the metrics' definitions."""
        said = {name: value for name, value in self.said.items() if name != "_aws"}
        return {"variant": self.variant, "at": self.at.isoformat(), **({"said": said} if said else {"text": self.text})}

    def __str__(self) -> str:
        """As a person reads it."""
        clock = self.at.astimezone().strftime("%H:%M:%S")
        return printable(f"{clock}  {self.variant}  {self._told()}")

    def _told(self) -> str:
        said = self.said
        if "starts" in said:
            return " ".join(["started, recipe", str(said.get("recipe")), *map(str, said.get("notes") or ())])
        if self.outcome is None:
            return str(said.get("traceback") or said.get("detail") or self.text)
        key = said.get("key") or "-"
        if self.outcome == "made":
            facts = [f"{said.get('width')}x{said.get('height')}"]
            facts += [size(said["bytes_out"])] if said.get("bytes_out") is not None else []
            facts += [milliseconds(said["milliseconds"])] if said.get("milliseconds") is not None else []
            return f"{key}  made {said.get('output')}, {', '.join(facts)}"
        label = f"{self.outcome}: {said['reason']}" if said.get("reason") else self.outcome
        return f"{key}  {label}. {said.get('detail') or ''}".rstrip()


@dataclass(frozen=True)
class Wish:
    """Which lines are asked for."""

    key: str | None = None
    errors: bool = False

    def patterns(self) -> Sequence[str]:
        """Filter patterns that leave through all of these lines, and as few others as can be; each for a request."""
        if self.key is not None:
            plain = _PLAIN.match(self.key)
            known = plain.group() if plain else ""
            # Only so far as it surely means itself: from there on any key will do, and is sorted out here.
            return [f'{{ $.key = "{known}{"" if known == self.key else "*"}" }}']
        return [_JSON_TROUBLE, _TEXT_TROUBLE] if self.errors else [""]

    def takes(self, line: Line) -> bool:
        """Whether it is one of them."""
        if self.key is not None and line.said.get("key") != self.key:
            return False
        if self.errors:
            return line.trouble
        return self.key is not None or not _ROUTINE.match(line.text) or line.trouble


def read(
    machine: Machine, variants: Iterable[DeployedVariant], wish: Wish, since: datetime, until: datetime | None = None
) -> Iterator[Line]:
    """The lines of all `variants`, in the order of their times. Raises ClientError."""
    streams = (
        _read(machine.clients["logs"], variant, wish, pattern, since, until)
        for variant in variants
        for pattern in wish.patterns()
    )
    last: dict[str, str] = {}
    for line in heapq.merge(*streams, key=lambda line: (line.at, line.variant, line.id)):
        if last.get(line.variant) != line.id:  # Two patterns may let the same line through.
            yield line
        last[line.variant] = line.id


def follow(
    machine: Machine,
    variants: Sequence[DeployedVariant],
    wish: Wish,
    since: datetime,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Line]:
    """The lines since then, and for ever what is written from now on. Raises ClientError."""
    seen: dict[tuple[str, str], datetime] = {}
    while True:
        newest = since
        for line in read(machine, variants, wish, since - _LATE if seen else since):
            if (line.variant, line.id) not in seen:
                seen[line.variant, line.id] = line.at
                yield line
            newest = max(newest, line.at)
        since = newest
        # What is older than will be asked for again need not be remembered.
        seen = {known: at for known, at in seen.items() if at >= since - 2 * _LATE}
        sleep(_EVERY_SECONDS)


def _read(
    logs: Any, variant: DeployedVariant, wish: Wish, pattern: str, since: datetime, until: datetime | None
) -> Iterator[Line]:
    for event in _events(logs, variant.log_group, pattern, since, until):
        line = Line.read(variant.name, event)
        if wish.takes(line):
            yield line


def _events(
    logs: Any, group: str, pattern: str, since: datetime, until: datetime | None
) -> Iterator[Mapping[str, Any]]:
    """Page by page; none where the function has written nothing yet, so that its log group was never made."""
    asked: dict[str, Any] = {"logGroupName": group, "startTime": _milliseconds(since)}
    if pattern:
        asked["filterPattern"] = pattern
    if until is not None:
        asked["endTime"] = _milliseconds(until)
    while True:
        try:
            answer = logs.filter_log_events(**asked)
        except ClientError as error:
            if code(error) == "ResourceNotFoundException":
                return
            raise
        events = answer["events"]
        yield from events
        if token := answer.get("nextToken"):
            asked["nextToken"] = token
        elif len(events) >= _PAGE:
            # An emulator that gives no token: on from there, each line of that moment maybe twice.
            asked["startTime"] = max(events[-1]["timestamp"], asked["startTime"] + 1)
        else:
            return


def _milliseconds(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def _object(text: str) -> Mapping[str, Any]:
    if text.startswith("{"):
        with suppress(ValueError):
            said = json.loads(text)
            if isinstance(said, dict):
                return said
    return {}
