"""The functions as containers: the images that AWS would run, each under the emulator of Lambda that it carries.

The images take the way that they take to AWS: built, pushed to the emulated ECR, run by the digest that it gave them.
Events reach them as they reach the processes; see processes.Front.
"""

import os
import platform
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from controlplane.deploying import engine
from controlplane.deploying.engine import DOCKER
from controlplane.errors import Failure
from controlplane.local.aws import CREDENTIALS, PROXIES, REGION, client
from controlplane.local.hosts import Function, Site, Stack
from controlplane.local.processes import Front, FunctionProcess, Redelivery, answers, close, proxies
from controlplane.machine import digests_parameter

BASE = "image-machine-base"
HOST = "host.docker.internal"
"""This computer, as a container calls it."""


class Containers:
    """A host whose functions are containers; see hosts.Host."""

    # Docker Desktop lets containers reach what listens on this computer alone; a Linux engine does not.
    bind_address = "0.0.0.0" if platform.system() == "Linux" else "127.0.0.1"  # noqa: S104

    def __init__(self, site: Site) -> None:
        self._site = site
        self._fronts: dict[str, Front] = {}
        self._images: dict[str, str] = {}
        self._pushed: list[str] = []

    def prepare(self) -> None:
        """Build the images. Raises Failure."""
        if (why := engine.missing()) is not None:
            raise Failure(f"{why} On Linux, --processes needs none.")
        self._site.say("Building the images; the first time takes a few minutes ...")
        self._run([self._site.project / "docker/base/build.sh", BASE])
        for variant in self._site.variants:
            folder = self._site.project / "images" / variant
            self._run([DOCKER, "build", "--build-arg", f"BASE={BASE}", "--tag", _local(variant), folder])
            self._fronts[variant] = Front()

    def stack_parameters(self, endpoint: str) -> Mapping[str, str]:
        """Push the images to the ECR at `endpoint` and name them. Raises Failure."""
        repository = f"{urlsplit(endpoint).netloc}/{self._site.stack_name}"
        client("ecr", endpoint).create_repository(repositoryName=self._site.stack_name)
        digests = {variant: self._push(variant, repository) for variant in self._site.variants}
        return {"Repository": repository, "Digests": digests_parameter(digests)}

    def _push(self, variant: str, repository: str) -> str:
        """The digest that the repository gives the variant's image."""
        tagged = f"{repository}:{variant}"
        self._run([DOCKER, "tag", _local(variant), tagged])
        self._pushed.append(tagged)
        try:
            told = self._run([DOCKER, "push", tagged])
        except Failure:
            if platform.system() == "Linux":
                raise
            # The engine of Docker Desktop lives in a machine of its own, from which this one's ports may be out of
            # reach. The image is the same: its own identity stands in for the digest.
            self._images[variant] = tagged
            return (
                self._run([DOCKER, "image", "inspect", "--format", "{{.Id}}", tagged]).strip().removeprefix("sha256:")
            )
        (digest,) = re.findall(r"digest: sha256:([0-9a-f]{64})", told)
        self._images[variant] = f"{repository}@sha256:{digest}"
        return str(digest)

    def emulator_environment(self) -> Mapping[str, str]:
        """Where each function answers."""
        return proxies(self._site, self._fronts)

    def start(self, stack: Stack) -> None:
        """Start each container, and have it load what it needs while the first pictures are uploaded."""
        for function in stack.functions:
            container = FunctionContainer(self._site, self._images[function.variant], function, stack.endpoint)
            redeliver = Redelivery(stack.endpoint, stack.queues[function.variant])
            self._fronts[function.variant].open(container, redeliver)

    def stop(self) -> None:
        """Stop the containers, close their ports, and forget the names that the emulated ECR gave the images."""
        close(self._fronts.values())
        self._fronts.clear()
        names = [*self._pushed, *self._images.values()]
        if names:
            subprocess.run([DOCKER, "rmi", *names], capture_output=True, check=False)
        self._pushed.clear()
        self._images.clear()

    def _run(self, command: Sequence[str | Path]) -> str:
        """What the command printed. Raises Failure with its last words."""
        log = self._site.workspace / "docker.log"
        with log.open("wb") as output:
            # In the family: an interrupted build or push ends with this process.
            child = self._site.family.start(
                command, environment={**os.environ, **PROXIES}, folder=self._site.project, stdout=output, stderr=output
            )
            status = child.wait()
        told = log.read_text(errors="replace")
        if status != 0:
            name = " ".join(str(word) for word in command[:2])
            raise Failure(f"{name} failed:\n" + "\n".join(told.splitlines()[-12:]))
        return told


class FunctionContainer(FunctionProcess):
    """One function in a container, as restricted as Lambda would have it. Not thread-safe."""

    def __init__(self, site: Site, image: str, function: Function, endpoint: str) -> None:
        super().__init__(site, Path(), function, endpoint)
        self._image = image
        self._name = f"{function.name}-{os.getpid()}"

    def stop(self) -> None:
        """End the container, if there is one; its memory is given back when this returns."""
        if self._child is not None:
            subprocess.run([DOCKER, "rm", "--force", self._name], capture_output=True, check=False)
        super().stop()

    def _listens(self) -> bool:
        # Docker's own proxy takes connections before the function does.
        return answers(self._port)

    def _start(self) -> subprocess.Popen[bytes]:
        environment = self._container_environment()
        command = [
            *(DOCKER, "run", "--rm", "--name", self._name),
            *("--publish", f"127.0.0.1:{self._port}:8080"),
            *("--add-host", f"{HOST}:host-gateway"),
            # Lambda's file system is read-only but for /tmp, and the user is nobody in particular.
            *("--read-only", "--tmpfs", "/tmp:exec,size=512m,mode=1777", "--user", "1000"),  # noqa: S108
            *("--memory", f"{self._function.memory}m", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            *(word for name in environment for word in ("--env", name)),
            self._image,
        ]
        home = self._site.workspace / self._function.variant
        home.mkdir(exist_ok=True)
        child = self._site.family.start(
            command,
            environment={**os.environ, **environment},
            folder=home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self._relay, args=(child,), daemon=True).start()
        return child

    def _container_environment(self) -> dict[str, str]:
        """What Lambda would set, what the stack sets, and the way to the emulator."""
        function = self._function
        return {
            "LOG_LEVEL": "error",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": f"http://{HOST}:{urlsplit(self._endpoint).port}",
            "AWS_EC2_METADATA_DISABLED": "true",
            **CREDENTIALS,
            **function.environment,
        }


def _local(variant: str) -> str:
    return f"image-machine-{variant}"
