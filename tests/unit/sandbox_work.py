"""What the tests have the sandbox's worker do instead of rendering; the upload is the instruction."""

import ctypes
import json
import os
import signal
import sys
import time
from itertools import count

from imagemachine.errors import Reason, Rejected
from imagemachine.source import Source
from imagemachine.variant import Limits, Made, Output, Variant

BMP = b"BM"
_earlier: list[bytes] = []


def echo(variant: Variant, data: Source, limits: Limits) -> Made:
    """The upload as its own result."""
    return Made((Output(bytes(data), "bmp", 1, 1, 1),), "echo", ("a note",))


def obey(variant: Variant, source: Source, limits: Limits) -> Made:  # noqa: PLR0912 - a branch for each order
    """Do what the upload's first line says; anything else is its own result."""
    data = bytes(source)
    order, _, argument = data.partition(b" ")
    earlier = b" ".join(_earlier)
    _earlier.append(order)
    match order:
        case b"reject":
            raise Rejected(Reason.CORRUPT, argument.decode())
        case b"raise":
            raise ZeroDivisionError(argument.decode())
        case b"exit":
            sys.exit(3)
        case b"quit":
            os._exit(3)
        case b"exhaust":
            bytearray(1 << 40)
        case b"fill":
            [bytes(bytearray(1 << 20)) for _ in count()]
        case b"segfault":
            ctypes.string_at(0)
        case b"signal":
            signal.raise_signal(int(argument))
        case b"hang":
            time.sleep(600)
        case b"spin":
            while True:
                pass
        case b"say":
            os.write(int(sys.argv[1]), argument)
            time.sleep(600)
        case b"deaf":
            os.close(int(sys.argv[1]))
            time.sleep(600)
        case b"leak":
            leaked.append(b"x" * int(argument))
        case b"peak":
            blocks = [bytes(bytearray(1 << 20)) for _ in range(int(argument))]
            leaked.append(bytes(10_000))  # What comes after them keeps their place from being given back by itself.
            del blocks
        case b"innocent" if b"damage" in earlier:
            ctypes.string_at(0)
        case b"confused" if b"damage" in earlier:
            raise ZeroDivisionError
        case b"large":
            return Made((Output(bytes(int(argument)), "bmp", 1, 1, 1),), "echo")
        case b"made":
            fields = json.loads(argument)
            return Made((Output(fields.pop("data", "BM").encode(), **fields),), "e")
        case b"noisy":
            notes = ("\x1b[31m\n" + "\N{WASTEBASKET}" * 1000,) * 100
            return Made((Output(BMP, "bmp", 1, 1, 1),), "e\0", notes)
    return echo(variant, BMP + data, limits)


leaked: list[bytes] = []
