"""What runs the functions: a seam with two sides, processes.py and containers.py.

Each side has a class that keeps the protocol `Host` and is made with a `Site`. The machine calls, in this order:

    host.prepare()              before anything else runs: build images, choose ports, check tools
    host.emulator_environment() goes into the emulator's environment: how it reaches the functions
    host.stack_parameters(url)  the emulator is up at url: goes into the stack, which images from which repository
    host.start(stack)           the stack is deployed: the functions have to answer from here on
    host.stop()                 always called, whatever failed before; stops all that the host started

Every line that a function writes to its standard output goes to `site.report_line(variant, line)`, without its line
end, from any thread: the outcomes are read in them. What a person should know, such as a function that died and was
started again, goes to `site.say(sentence)`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from controlplane.local.children import Family


@dataclass(frozen=True)
class Site:
    """What a host is given to work with."""

    project: Path
    variants: tuple[str, ...]
    """The folders of images/ that hold an app.py."""
    stack_name: str
    workspace: Path
    """A new folder for files that nobody needs later; the machine removes it."""
    family: Family
    """Starts processes that cannot outlive this one."""
    report_line: Callable[[str, str], None]
    say: Callable[[str], None]

    def function_name(self, variant: str) -> str:
        """The name that the stack gives to the function of `variant`."""
        return f"{self.stack_name}-{variant}"


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

    endpoint: str
    """The emulator's URL as this computer sees it: http://127.0.0.1:<port>."""
    source_bucket: str
    output_bucket: str
    topic: str
    """ARN of the topic that announces uploads."""
    functions: tuple[Function, ...]
    queues: Mapping[str, str]
    """The queue's URL by variant."""
    dead_letters: Mapping[str, str]
    """The dead-letter queue's URL by variant."""


class Host(Protocol):
    """Runs the functions; see the module for the order of calls."""

    bind_address: str
    """Where the emulator listens: 127.0.0.1, or 0.0.0.0 if the functions reach it from another network."""

    def prepare(self) -> None:
        """Get ready without the emulator. Raises Failure with a sentence for a person."""

    def stack_parameters(self, endpoint: str) -> Mapping[str, str]:
        """The parameters of shared/stack.yaml that say which images run: Digests, Repository. Raises Failure."""

    def emulator_environment(self) -> Mapping[str, str]:
        """Variables for the emulator, such as MINISTACK_LAMBDA_PROXY_<function>."""

    def start(self, stack: Stack) -> None:
        """Make the functions answer. Raises Failure."""

    def stop(self) -> None:
        """Stop everything. Never raises, may be called twice and before `start`."""
