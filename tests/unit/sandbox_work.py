"""What the tests have the sandbox's processes do instead of rendering; the upload is the instruction."""

import ctypes
import json
import os
import sys
import time
from itertools import count

from imagemachine.errors import Reason, Rejected
from imagemachine.source import Source
from imagemachine.variant import Limits, Made, Output, Variant
from imagemachine.worker.protocol import FRAME

BMP = b"BM"
SOCKET = 3
_earlier: list[bytes] = []


def echo(variant: Variant, data: Source, limits: Limits) -> Made:
    """The upload as its own result."""
    return Made((Output(bytes(data), "bmp", 1, 1, 1),), "echo", ("a note",))


def trials() -> tuple[bytes, ...]:
    """Files to try the work on."""
    return (b"one", b"breaks", b"three")


def large_trials() -> tuple[bytes, ...]:
    """One of which more is made than a socket holds."""
    return (b"large 4000000",)


def tried(variant: Variant, data: Source, limits: Limits) -> Made:
    """How often this was done in the process and those that it comes from."""
    _earlier.append(bytes(data))
    if data == b"breaks":
        raise ValueError
    return echo(variant, BMP + b"%d" % len(_earlier), limits)


def obey(variant: Variant, source: Source, limits: Limits) -> Made:  # noqa: PLR0911, PLR0912 - a branch for each order
    """Do what the upload's first line says; anything else is its own result."""
    data = bytes(source)
    order, _, argument = data.partition(b" ")
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
        case b"abort":
            os.abort()
        case b"hang":
            time.sleep(600)
        case b"spin":
            while True:
                pass
        case b"say":
            os.write(SOCKET, FRAME.pack(len(argument)) + argument)
            time.sleep(600)
        case b"babble":
            os.write(SOCKET, argument)
            time.sleep(600)
        case b"drip":
            os.write(SOCKET, FRAME.pack(60_000))
            while True:
                os.write(SOCKET, b" ")
                time.sleep(0.05)
        case b"deaf":
            os.close(SOCKET)
            time.sleep(600)
        case b"process":
            return echo(variant, BMP + b"%d" % os.getpid(), limits)
        case b"earlier":
            return echo(variant, BMP + b" ".join(_earlier), limits)
        case b"large":
            return Made((Output(bytes(int(argument)), "bmp", 1, 1, 1),), "echo")
        case b"pair":
            return Made((Output(b"BMone", "bmp", 1, 1, 1), Output(b"BMthe other", "bmp", 1, 1, 1)), "echo")
        case b"made":
            fields = json.loads(argument)
            return Made((Output(fields.pop("data", "BM").encode(), **fields),), "e")
        case b"noisy":
            notes = ("\x1b[31m\n" + "\N{WASTEBASKET}" * 1000,) * 100
            return Made((Output(BMP, "bmp", 1, 1, 1),), "e\0", notes)
    return echo(variant, BMP + data, limits)
