"""How a function's memory is shared out, so that no uploads of any size can use up more than there is."""

from dataclasses import dataclass
from itertools import product

from imagemachine.errors import ConfigurationError
from imagemachine.settings import MIB, Settings

_FUNCTION = 96 * MIB
"""For the function itself, its interpreter with boto3, and for the process that the codec's come from."""

_WAITING = 12 * MIB
"""For each process that waits for a picture, beside what it shares with the one that it comes from."""

_PIXEL = 12
"""Bytes that a codec needs for a pixel: three copies of a picture, of four bytes each."""

_LEAST = 64 * MIB
"""A codec can do nothing with less."""

_AHEAD = 2
"""At most so many pictures are held on either side of the codec."""


@dataclass(frozen=True)
class Shares:
    """What there is room for."""

    at_once: int
    """Pictures that are worked on at the same time."""
    ahead: int
    """Uploads that are fetched ahead, and results that wait to be stored (but at least one of these)."""
    max_memory: int
    """Bytes for the work on each picture, its upload included."""
    max_output: int
    """Bytes of the largest result."""

    @classmethod
    def of(cls, memory: int, processors: int, settings: Settings) -> "Shares":
        """A picture for each processor, as long as the largest ones find room; else one, with half of the memory.

        memory: the function's, in bytes. Raises ConfigurationError where there is too little even for one.
        """
        upload = settings.max_bytes
        output = min(upload * 5 // 4, memory // 8)
        ahead_first = range(_AHEAD, -1, -1)
        plans = [
            *(
                (at_once, ahead, at_once * max(_LEAST, settings.max_pixels * _PIXEL))
                for at_once, ahead in product(range(processors, 0, -1), ahead_first)
            ),
            *((1, ahead, memory // 2) for ahead in ahead_first),
        ]
        for at_once, ahead, wanted in plans:
            held = (at_once + ahead) * upload + (at_once + max(1, ahead)) * output
            left = memory - _FUNCTION - (at_once + 1) * _WAITING - held
            if left >= wanted:
                break
        if left < _LEAST:
            enough = _FUNCTION + 2 * _WAITING + upload + 2 * (upload * 5 // 4) + _LEAST
            raise ConfigurationError(
                f"The function has {memory // MIB:,} MB of memory, too little for MAX_BYTES={upload}:"
                f" give it {enough // MIB + 1:,} MB, or lower MAX_BYTES."
            )
        return cls(at_once, ahead, left // at_once, output)
