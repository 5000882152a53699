"""The whole machine, up for as long as a `with` lasts."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from controlplane.deploying.variants import folders
from controlplane.local import stack
from controlplane.local.children import Family
from controlplane.local.emulator import emulator
from controlplane.local.hosts import Host, Site, Stack

STACK_NAME = "image-machine"


@contextmanager
def machine(
    project: Path,
    host_class: Callable[[Site], Host],
    report_line: Callable[[str, str], None],
    say: Callable[[str], None],
    port: int = 0,
    parameters: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[tuple[Stack, Family]]:
    """Emulator, stack and functions, and the family in which more processes may be started.

    Whatever ends the block, all that was started is stopped.

    report_line(variant, line) gets each line that a function writes, from any thread. The emulator listens on `port`,
    any free one for 0; `parameters` of the stack are set beside those that being local takes. Raises Failure.
    """
    workspace = Path(tempfile.mkdtemp(prefix="image-machine-"))
    try:
        with Family(workspace) as family:
            names = folders(project)
            host = host_class(Site(project, names, STACK_NAME, workspace, family, report_line, say))
            try:
                host.prepare()
                with emulator(family, workspace, host.bind_address, host.emulator_environment(), port) as endpoint:
                    given = {**parameters, **host.stack_parameters(endpoint)}
                    deployed = stack.deploy(endpoint, project, STACK_NAME, names, given)
                    try:
                        host.start(deployed)
                        yield deployed, family
                    finally:
                        # Before the emulator goes, or the functions would complain of it.
                        host.stop()
            finally:
                host.stop()
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
