"""What the sandbox and its worker say to each other.

The upload lies in a nameless file in memory, and its result takes its place; the socket carries only small packets:

    sandbox -> worker    the pickled Task, once; then a REQUEST per upload
    worker -> sandbox    a JSON object about its start; then a JSON list, an answer, per upload:
                         ["made", [[bytes, format, width, height, frames], ...], engine, [note, ...]],
                         the files in the nameless file one behind the other
                         ["rejected", reason, detail]
                         ["out-of-memory"]  or  ["failed", detail]: what it was may lie with the worker
"""

import struct
from dataclasses import dataclass

from imagemachine.variant import Limits, Variant

REQUEST = struct.Struct("=Qd")
"""The upload's length in bytes, and the seconds after which the worker ends itself if nobody else does."""

PACKET_BYTES = 65_536
TEXT_CHARACTERS = 500
MAX_NOTES = 20


@dataclass(frozen=True)
class Task:
    """What a worker is for, told once at its start."""

    work: str
    """`module:function`; called as render(variant, data, limits) is."""
    variant: Variant
    limits: Limits
    max_memory: int
    """Bytes that the work may allocate, beside the interpreter and its libraries."""
    max_output: int
    """Bytes of the largest result."""
    preload: tuple[str, ...] = ()
    """Further modules; once the worker is confined it can import nothing."""

    @property
    def kept_memory(self) -> int:
        """Bytes of freed memory that a worker may keep for its next picture."""
        return self.max_memory // 4
