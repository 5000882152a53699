"""One picture's process: it gives up its rights, takes one upload, answers, and ends."""

import json
import math
import os
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from imagemachine.errors import Reason, Rejected
from imagemachine.variant import Limits, Made, Variant
from imagemachine.worker.protocol import FRAME, MAX_NOTES, REQUEST, TEXT_CHARACTERS, Task

Work = Callable[[Variant, bytes, Limits], Made]


def serve(task: Task, work: Work, socket_fd: int, refused: Sequence[str]) -> None:
    """Say that it is ready, and do the work on the one upload that comes; none comes where its function has ended."""
    with os.fdopen(socket_fd, "rb") as requests, os.fdopen(socket_fd, "wb", closefd=False) as answers:
        answers.write(_framed({"refused": list(refused)}))
        answers.flush()
        request = requests.read(REQUEST.size)
        if len(request) < REQUEST.size:
            return
        length, *point = REQUEST.unpack(request)
        upload = requests.read(length)
        if len(upload) < length:
            return
        variant = task.variant if math.isnan(point[0]) else task.variant.aimed((point[0], point[1]))
        answer, outputs = _answer(task, work, variant, upload)
        answers.write(_framed(answer))
        answers.writelines(outputs)
        answers.flush()
        requests.read(1)  # Nothing comes: to end takes a millisecond, which is not to delay who reads the answer.


def _answer(task: Task, work: Work, variant: Variant, upload: bytes) -> tuple[list[object], list[bytes]]:
    """What is said of the work on the upload, and the outputs."""
    try:
        made = work(variant, upload, task.limits)
    except Rejected as rejected:
        return ["rejected", rejected.reason, printable(rejected.detail)], []
    except MemoryError:
        return ["out-of-memory"], []
    except BaseException as error:  # noqa: BLE001 - whatever it is, it becomes this picture's outcome
        return ["failed", printable(described(error))], []
    size = sum(len(output.data) for output in made.outputs)
    if size > task.max_output:
        detail = f"Its result has {size:,} bytes; {task.max_output:,} is the most."
        return ["rejected", Reason.TOO_MANY_BYTES, detail], []
    outputs = [[len(output.data), output.format, output.width, output.height, output.frames] for output in made.outputs]
    notes = [printable(note) for note in made.notes[:MAX_NOTES]]
    said: list[object] = ["made", outputs, printable(made.engine), notes, [made.colour, made.placeholder]]
    return said, [output.data for output in made.outputs]


def _framed(what: object) -> bytes:
    text = json.dumps(what, ensure_ascii=False).encode()
    return FRAME.pack(len(text)) + text


def described(error: BaseException) -> str:
    """Kind, message and place of an unforeseen error, on one line."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    return f"{type(error).__name__}: {error} ({where})"


def printable(text: str) -> str:
    """Codecs quote the picture in their messages; a log line should survive that."""
    short = text[:TEXT_CHARACTERS]
    return "".join(character if character.isprintable() else " " for character in short)
