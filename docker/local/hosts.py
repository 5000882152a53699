"""What runs the functions: a seam with two sides, processes.py and containers.py.

A host is given the variants and a `report_line` callback when it is made. The machine then calls, once each and
in this order:

    host.prepare()                   before anything else runs: build images, choose ports, check tools
    host.emulator_environment()      goes into the emulator's environment: how it reaches the functions
    host.image_uris()                goes into the stack's parameters
    host.start(stack)                the stack is deployed: the functions have to answer from here on
    host.stop()                      always called, whatever failed before; stops all that the host started

Every line that a function writes to its standard output goes to `report_line(variant, line)`, without its line
end, from any thread: the machine reads the outcomes in them. What a person should know, such as a function that
died and was started again, goes to `say(sentence)`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

ReportLine = Callable[[str, str], None]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Function:
    """One function as the stack defines it."""

    name: str
    variant: str
    environment: Mapping[str, str]
    memory: int
    """In MB."""
    timeout: int
    """In seconds."""


@dataclass(frozen=True)
class Stack:
    """The deployed stack, as much of it as somebody outside needs."""

    name: str
    endpoint: str
    """The emulator's URL as this computer sees it: http://127.0.0.1:<port>."""
    region: str
    source_bucket: str
    output_bucket: str
    functions: tuple[Function, ...]


class Host(Protocol):
    """Runs the functions; see the module for the order of calls."""

    bind_address: str
    """Where the emulator listens: 127.0.0.1, or 0.0.0.0 if the functions reach it from another network."""

    def prepare(self) -> None:
        """Get ready without the emulator. Raises MachineError with a sentence for a person."""

    def emulator_environment(self) -> Mapping[str, str]:
        """Variables for the emulator, such as MINISTACK_LAMBDA_PROXY_<function>."""

    def image_uris(self) -> Mapping[str, str]:
        """The image's URI for each variant; any text will do where no image is run."""

    def start(self, stack: Stack) -> None:
        """Make the functions answer. Raises MachineError."""

    def stop(self) -> None:
        """Stop everything. Never raises, may be called twice and before `start`."""
