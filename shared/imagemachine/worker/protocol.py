"""What the sandbox, the zygote and its children say to each other.

    sandbox -> zygote    the pickled Task, once; then an ORDER, and where it wants a child that child's end of a socket
    zygote -> sandbox    to an ORDER that only ends a child: JSON, {"status": ...} as `waitstatus_to_exitcode` gives it,
                         or {"error": ...}, why there was none
    child -> sandbox     a FRAME and JSON about its confinement, {"refused": [sentence, ...]}: it is ready
    sandbox -> child     a REQUEST and the upload
    child -> sandbox     a FRAME and a JSON list, its answer, and after it the outputs that this names:
                         ["made", [[bytes, format, width, height, frames], ...], engine, [note, ...],
                          [colour, placeholder]]
                         ["rejected", reason, detail]
                         ["out-of-memory"]  or  ["failed", detail]

Nothing is shared: an upload and its result are copied through the socket of the one child that works on it.
"""

import struct
from dataclasses import dataclass

from imagemachine.variant import Limits, Variant

ORDER = struct.Struct("=II")
"""The number of the child that is wanted, and of one that is to be ended before; 0 for none."""

FRAME = struct.Struct("=Q")
"""How many bytes follow."""

REQUEST = struct.Struct("=Qdd")
"""How many bytes follow, and the upload's point of interest, across and down; two that are no numbers for none."""

PACKET_BYTES = 65_536
"""The longest Task, and the longest JSON."""
TEXT_CHARACTERS = 500
MAX_NOTES = 20


@dataclass(frozen=True)
class Task:
    """What a zygote and its children are for, told once at its start."""

    work: str
    """`module:function`; called as render(variant, data, limits) is."""
    variant: Variant
    limits: Limits
    max_memory: int
    """Bytes that the work may allocate, the upload included, beside the interpreter and its libraries."""
    max_output: int
    """Bytes of all that the work makes."""
    rehearsal: str = ""
    """`module:function`, which gives files to try the work on; nothing for none."""
    preload: tuple[str, ...] = ()
    """Further modules; a child can import nothing."""
