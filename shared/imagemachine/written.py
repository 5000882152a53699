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
        try:
            return super().__call__(*args, **kwargs)
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"{place()}: {_misfit(cls, args, kwargs) or error}") from None


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


def is_whole(value: object, least: int, most: int) -> bool:
    """Whether it is a whole number from `least` to `most`; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _misfit(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """What is wrong with the arguments as such: one that there is not, or one that is missing; None if they fit."""
    signature = inspect.signature(cls.__init__)  # type: ignore[misc]
    _self, *names = signature.parameters
    unknown = next((name for name in kwargs if name not in names), None)
    takes = f"it takes {', '.join(names)}."
    if unknown is not None:
        return f"{cls.__name__} has no {unknown!r}; {takes}{likely(unknown, names)}"
    try:
        signature.bind(None, *args, **kwargs)
    except TypeError as error:
        return f"{cls.__name__}: {error}; {takes}"
    return None
