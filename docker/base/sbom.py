"""Runs inside the finished image, as part of its build: says what the image is made of, in CycloneDX's JSON.

sbom.py VERSIONS.ENV > SBOM.JSON

https://cyclonedx.org/docs/1.6/json/. The same image gives the same file: no date, no random number.
"""

import importlib.metadata
import json
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import features

PACKAGES = Path("/var/lib/dpkg/status.d")

FORKS = {"pillow-simd": "pillow"}
"""What goes by another name than the project whose flaws it shares. Its version begins with that project's."""


def component(name: str, version: str, purl: str, **more: Any) -> dict[str, Any]:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, **more}


def debian() -> Iterator[dict[str, Any]]:
    """The Debian packages; flaws are tracked by the source that a package was built from."""
    for entry in sorted(PACKAGES.iterdir()):
        field: dict[str, str] = dict(re.findall(r"^(\w+): (.+)$", entry.read_text(), re.MULTILINE))
        name, version = field["Package"], field["Version"]
        source, _, built_from = field.get("Source", name).partition(" ")
        source_version = built_from.strip("()") or version
        place = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={field['Architecture']}"
        yield component(
            name,
            version,
            place,
            properties=[
                {"name": "debian:source", "value": source},
                {"name": "debian:source-version", "value": source_version},
                {"name": "debian:release", "value": platform.freedesktop_os_release()["VERSION_ID"]},
            ],
        )


def python() -> Iterator[dict[str, Any]]:
    """The Python packages, each fork with what it is a fork of."""
    found = {
        str(found.metadata["Name"]).lower().replace("_", "-"): found for found in importlib.metadata.distributions()
    }
    for name, distribution in sorted(found.items()):
        more: dict[str, Any] = {}
        if name in FORKS:
            original, version = FORKS[name], distribution.version.partition(".post")[0]
            more["pedigree"] = {"ancestors": [component(original, version, f"pkg:pypi/{original}@{version}")]}
        yield component(name, distribution.version, f"pkg:pypi/{name}@{distribution.version}", **more)


def others(versions: str) -> Iterator[dict[str, Any]]:
    """What neither packager knows of."""
    if zlib_ng := features.version("zlib_ng"):
        yield component("zlib-ng", zlib_ng, f"pkg:generic/zlib-ng@{zlib_ng}", description="Inside Pillow.")
    carrier = re.search(r'EMULATOR="(\S+)==(\S+)', versions)
    if carrier is None:
        raise SystemExit("sbom: versions.env does not say where the emulator comes from")
    name, version = carrier.groups()
    said = f"As carried by {name} {version}; idle on Lambda."
    yield component("aws-lambda-rie", version, f"pkg:generic/aws-lambda-rie@{version}", description=said)


def main(versions: Path) -> None:
    """Prints the list."""
    components = [*debian(), *python(), *others(versions.read_text())]
    described = {"component": {"type": "container", "name": "image-machine-base"}}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": described}
    print(json.dumps({**document, "components": components}, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
