"""Runs inside the finished image, as part of its build: says what the image is made of, in CycloneDX's JSON.

sbom.py VERSIONS.ENV PATCHES > SBOM.JSON

https://cyclonedx.org/docs/1.6/json/. The same image gives the same file: no date, no random number. What is built from
source says in its pedigree what it was and what has been done to it.
"""

import hashlib
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
BUILD = Path("/build.json")

JOIN = "simd-in-pillow"
"""The change that puts pillow-simd's code into Pillow; no build has one without the other."""


def component(name: str, version: str, purl: str, **more: Any) -> dict[str, Any]:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, **more}


def upstream(name: str, version: str, vendor: str, **more: Any) -> dict[str, Any]:
    """What is built from its own source archive; `vendor` is whom the National Vulnerability Database knows it by."""
    cpe = f"cpe:2.3:a:{vendor}:{name}:{version}:*:*:*:*:*:*:*"
    return component(name, version, f"pkg:generic/{name}@{version}", cpe=cpe, **more)


def changes(patches: Path, library: str, without: list[str]) -> list[dict[str, Any]]:
    """The patches of ours that the library is built with, each by its name and the hash of its text."""
    made = [path for path in sorted(patches.glob(f"{library}-*.patch")) if path.stem not in without]
    if library == "pillow":
        made.insert(0, patches / f"{JOIN}.patch")
    return [{"type": "unofficial", "diff": {"url": _address(path)}} for path in made]


def _address(patch: Path) -> str:
    return f"docker/base/patches/{patch.name}#sha256={hashlib.sha256(patch.read_bytes()).hexdigest()}"


def debian() -> Iterator[dict[str, Any]]:
    """The Debian packages; flaws are tracked by the source that a package was built from."""
    for entry in sorted(PACKAGES.iterdir()):
        field: dict[str, str] = dict(re.findall(r"^(\w+): (.+)$", entry.read_text(), re.MULTILINE))
        name, version = field["Package"], field["Version"]
        source, _, built_from = field.get("Source", name).partition(" ")
        source_version = built_from.strip("()") or version
        place = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={field['Architecture']}"
        # Debian builds upstream's release with its own patches: 1:2.1.5-4+deb13u1 is 2.1.5 with them.
        release = re.sub(r"^\d+:|-[^-]*$", "", source_version)
        ancestor = component(source, release, f"pkg:generic/{quote(source)}@{quote(release)}")
        yield component(
            name,
            version,
            place,
            pedigree={"ancestors": [ancestor], "notes": f"Debian's source package {source} {source_version}."},
            properties=[
                {"name": "debian:source", "value": source},
                {"name": "debian:source-version", "value": source_version},
                {"name": "debian:release", "value": platform.freedesktop_os_release()["VERSION_ID"]},
            ],
        )


def python(patches: Path, without: list[str]) -> Iterator[dict[str, Any]]:
    """The Python packages; Pillow with what else is in it."""
    found = {
        str(found.metadata["Name"]).lower().replace("_", "-"): found for found in importlib.metadata.distributions()
    }
    for name, distribution in sorted(found.items()):
        version, _, local = distribution.version.partition("+")
        more: dict[str, Any] = {}
        if local:
            other, _, theirs = local.partition(".")
            ancestors = [(name, version), (f"{name}-{other}", theirs)]
            more["pedigree"] = {
                "ancestors": [component(*one, f"pkg:pypi/{one[0]}@{one[1]}") for one in ancestors],
                "patches": changes(patches, name, without),
                "notes": f"{name} {version}, which runs {name}-{other}'s code to resample, reduce and premultiply.",
            }
        yield component(name, distribution.version, f"pkg:pypi/{name}@{quote(distribution.version)}", **more)


def built(patches: Path, without: list[str], *, changed: bool) -> Iterator[dict[str, Any]]:
    """The libraries inside Pillow that come from their own archives, as they themselves say."""
    if zlib_ng := features.version("zlib_ng"):
        yield upstream("zlib-ng", zlib_ng, "zlib-ng", description="Inside Pillow, as published.")
    if version := features.version("libjpeg_turbo"):
        ours = changes(patches, "libjpeg-turbo", without) if changed else []
        ancestor = component("libjpeg-turbo", version, f"pkg:generic/libjpeg-turbo@{version}")
        pedigree = {"ancestors": [ancestor], "patches": ours}
        said = "Inside Pillow, and libturbojpeg.so.0: upstream's release. libtiff has Debian's."
        yield upstream("libjpeg-turbo", version, "libjpeg-turbo", description=said, pedigree=pedigree)


def emulator(versions: str) -> dict[str, Any]:
    carrier = re.search(r'EMULATOR="(\S+)==(\S+)', versions)
    if carrier is None:
        raise SystemExit("sbom: versions.env does not say where the emulator comes from")
    name, version = carrier.groups()
    said = f"As carried by {name} {version}; idle on Lambda."
    return component("aws-lambda-rie", version, f"pkg:generic/aws-lambda-rie@{version}", description=said)


def main(versions: Path, patches: Path) -> None:
    """Prints the list."""
    build = json.loads(BUILD.read_text())
    without = build["without"]
    libraries = built(patches, without, changed=build["variant"] == "simd")
    components = [*debian(), *python(patches, without), *libraries, emulator(versions.read_text())]
    described = {"component": {"type": "container", "name": "image-machine-base"}}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": described}
    print(json.dumps({**document, "components": components}, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
