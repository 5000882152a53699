"""Everything that can go wrong, as one tree.

    ImageMachineError
    |-- ConfigurationError   the function cannot start: its environment is wrong
    |-- Rejected             permanent: no retry can help; carries a Reason
    `-- Retryable            temporary: the queue delivers the message again, later each time
        `-- OutOfTime        nothing is wrong: others took the invocation's time, and the next one is due at once

Whether a message is retried is decided by this tree and by nothing else: a `Rejected` is set aside at once,
everything else, an unforeseen bug included, is retried.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why an upload was rejected; the value is what the log line and the dead-letter queue show."""

    EMPTY = "empty"
    NOT_AN_IMAGE = "not-an-image"
    UNSUPPORTED_FORMAT = "unsupported-format"
    CORRUPT = "corrupt"
    TOO_MANY_BYTES = "too-many-bytes"
    TOO_MANY_PIXELS = "too-many-pixels"
    TOO_SLOW = "too-slow"
    CRASHED = "crashed"
    BAD_MESSAGE = "bad-message"


class ImageMachineError(Exception):
    """The root of the tree."""


class ConfigurationError(ImageMachineError):
    """The environment holds a bad value; the message names every bad variable."""


class Rejected(ImageMachineError):
    """No retry can help this upload or message.

    `detail` is one sentence for a person: what is wrong with the picture and, where something can be done, what.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Retryable(ImageMachineError):
    """Trouble that is not the picture's fault and may pass."""


class OutOfTime(Retryable):
    """The pictures before this one left it no time: it goes back to the queue and is the first of its next batch."""
