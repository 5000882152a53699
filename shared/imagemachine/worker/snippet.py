"""Work that is not a picture: a developer's code, run where pictures are worked on. See `__main__`."""

import io
import traceback
from contextlib import redirect_stderr, redirect_stdout

from imagemachine.variant import Limits, Made, Output, Variant


def run(_variant: Variant, data: bytes, _limits: Limits) -> Made:
    """Run the code `data`; the result is what it printed, its `frames` 1 where it ran to its end, else 2."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            exec(compile(data, "FILE.py", "exec"), {"__name__": "__main__"})  # noqa: S102 - what it is for
            frames = 1
        except BaseException:  # noqa: BLE001 - shown to whoever wrote the code
            traceback.print_exc()
            frames = 2
    text = printed.getvalue().encode(errors="backslashreplace")
    return Made((Output(text, "text", width=1, height=1, frames=frames),), "python")
