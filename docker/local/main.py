"""`./deploy.sh local`: checks what was typed, sees to the environment, and runs in it.

Runs first on the Python that was found on PATH, with the standard library alone, then again on the environment's own.
"""

import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# The formats' names and extensions, all that is used of the library: there is one list of them.
sys.path.insert(1, str(PROJECT / "shared"))

import environment  # noqa: E402
import options  # noqa: E402
import uploads  # noqa: E402
from problems import LocalError  # noqa: E402
from signals import Stopped  # noqa: E402


def main(arguments: list[str]) -> int:
    """The exit status: 0 every result made, 1 at least one was not, 2 wrong usage."""
    try:
        typed = options.parse(arguments)
        found = uploads.collect(typed.paths, without=typed.out)
        home = environment.ready(PROJECT / ".machine", environment.Purpose())
        if Path(sys.prefix) != home / "venv":
            python = home / "venv/bin/python"
            os.execv(python, [str(python), "-E", "-s", __file__, *arguments])  # noqa: S606 - no shell is wanted
        environment.hold(home)
        from run import run  # noqa: PLC0415 - it needs the environment's packages

        return run(PROJECT, typed, found)
    except LocalError as error:
        return _end(str(error), error.status)
    except environment.SetupError as error:
        return _end(str(error), 1)
    except Stopped as stopped:
        return _end("Stopped.", stopped.status)
    except KeyboardInterrupt:
        return _end("Stopped.", 130)
    except BrokenPipeError:
        # Nobody reads on, as in `... | head`; Python would complain of it when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _end(sentence: str, status: int) -> int:
    print(sentence, file=sys.stderr, flush=True)
    return status


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        # A file name may hold what the terminal's encoding, or any, does not.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))
