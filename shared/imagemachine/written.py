"""What a person writes down in a variant's file is checked as it is made: one sentence names the file and the line."""

import dataclasses
import inspect
import os
import sys
from typing import Any

from imagemachine.errors import ConfigurationError

_ON_THE_WAY = (os.path.dirname(__file__) + os.sep, dataclasses.__file__, "<")  # noqa: PTH120 - pathlib takes 2 ms to load
"""Where code lies that stands between what is written and its check; `<` begins what the interpreter makes up."""


class Written(type):
    """The class of classes whose arguments people write down.

    What does not fit raises ConfigurationError: a name that there is not, one that is missing, and whatever the class
    itself raises as ValueError or TypeError.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Makes one, or raises ConfigurationError."""
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        try:
            signature.bind(None, *args, **kwargs)
        except TypeError as error:
            raise ConfigurationError(f"{place()}: {cls.__name__}: {_what_is_wrong(signature, error, kwargs)}") from None
        try:
            return super().__call__(*args, **kwargs)
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"{place()}: {error}") from None


def place() -> str:
    """The file and line, outside of the library, that is being run."""
    frame = sys._getframe()  # noqa: SLF001 - inspect would read the source of every frame on the way
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_ON_THE_WAY):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}, line {frame.f_lineno}"


def file() -> str:
    """The file of `place`."""
    return place().rpartition(", line ")[0]


def likely(wrong: str, right: list[str]) -> str:
    """A question, if one of the right names is like the wrong one."""
    from difflib import get_close_matches  # noqa: PLC0415 - needed once something is wrong only

    found = get_close_matches(wrong, right, 1)
    return f" Did you mean {found[0]!r}?" if found else ""


def _what_is_wrong(signature: inspect.Signature, error: TypeError, given: dict[str, Any]) -> str:
    names = [name for name in signature.parameters if name != "self"]
    unknown = next((name for name in given if name not in names), None)
    if unknown is None:
        return f"{error}; it takes {', '.join(names)}."
    return f"there is no argument {unknown!r}; it takes {', '.join(names)}.{likely(unknown, names)}"
