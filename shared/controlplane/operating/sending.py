"""Messages into a variant's queue: no faster than a rate, and never so many that fresh uploads wait behind them."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from controlplane.errors import Failure

BATCH = 10
"""Messages in one request, at most."""
_ROOM = 256 * 1024
"""Bytes in one request, at most; SQS takes more by now, not everywhere."""
_ATTEMPTS = 5


def work(bucket: str, key: str) -> str:
    """The message that has a variant made of an upload."""
    return json.dumps({"bucket": bucket, "key": key}, ensure_ascii=False)


def send(sqs: Any, url: str, bodies: Sequence[str]) -> None:
    """Put up to ten messages into a queue, those again that SQS could not take at once.

    Raises Failure where it takes one not at all.
    """
    left = list(enumerate(bodies))
    for attempt in range(_ATTEMPTS):
        if not left:
            return
        if attempt:
            time.sleep(0.2 * 2**attempt)
        left = [pair for some in _fitting(left) for pair in _send(sqs, url, some)]
    if left:
        raise Failure(f"SQS did not take {len(left)} of {len(bodies)} messages for {_name(url)}: run it again.")


def _send(sqs: Any, url: str, some: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Send them as one request; those that were not taken. Raises Failure where that is their own fault."""
    entries = [{"Id": str(number), "MessageBody": body} for number, body in some]
    failed = sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed", [])
    for entry in failed:
        if entry.get("SenderFault"):
            raise Failure(f"SQS refused a message for {_name(url)}: {entry.get('Message') or entry['Code']}.")
    again = {entry["Id"] for entry in failed}
    return [(number, body) for number, body in some if str(number) in again]


def _fitting(pairs: Sequence[tuple[int, str]]) -> list[list[tuple[int, str]]]:
    """In lists that one request can hold."""
    lists: list[list[tuple[int, str]]] = [[]]
    room = _ROOM
    for pair in pairs:
        size = len(pair[1].encode())
        if lists[-1] and (size > room or len(lists[-1]) == BATCH):
            lists.append([])
            room = _ROOM
        lists[-1].append(pair)
        room -= size
    return [some for some in lists if some]


def _name(url: str) -> str:
    return url.rpartition("/")[2]


class Pace:
    """Keeps an average rate: whoever wants to go on waits until it is his turn."""

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds = 1 / per_second
        self._clock = clock
        self._sleep = sleep
        self._due = clock()

    def wait(self, number: int) -> None:
        """Wait until `number` more may go."""
        now = self._clock()
        # What was not used in a pause is not made up for in a rush.
        self._due = max(self._due, now - self._seconds * number)
        if self._due > now:
            self._sleep(self._due - now)
        self._due += self._seconds * number


class Brake:
    """Holds back while a queue is fuller than it may be, so that what is sent stays behind fresh uploads."""

    def __init__(
        self,
        depth: Callable[[str], int],
        most: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        every_seconds: float = 1.0,
    ) -> None:
        """`depth` counts the messages of a queue, waiting and in flight; `most` there may be."""
        self._depth = depth
        self._most = most
        self._clock = clock
        self._sleep = sleep
        self._every = every_seconds
        self._room: dict[str, int] = {}
        self._looked: dict[str, float] = {}

    def wait(self, url: str, number: int, waiting: Callable[[int], None] = lambda _depth: None) -> None:
        """Wait until `number` more may go into the queue; `waiting` hears how full it is meanwhile."""
        while self._allowance(url) < number:
            waiting(self._most - self._room[url])
            self._sleep(self._every)
        self._room[url] -= number

    def _allowance(self, url: str) -> int:
        """How many more fit: looked up now and then, and counted down in between."""
        now = self._clock()
        if url not in self._room or (self._room[url] < BATCH or now - self._looked[url] >= self._every):
            self._room[url] = self._most - self._depth(url)
            self._looked[url] = now
        return self._room[url]
