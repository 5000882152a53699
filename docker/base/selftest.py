"""Runs inside the finished image, as part of its build: each check raises where the image is not what it claims.

selftest.py --pillow simd|stock --simd LEVEL [--without CHANGE ...] --report FILE
"""

import argparse
import base64
import ctypes
import importlib
import io
import json
import math
import os
import platform
import random
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import PIL
from PIL import Image, ImageCms, ImageSequence, _imaging, features

PACKAGES = Path("/usr/local/lib/python3.13/dist-packages")
LOADER = {"x86_64": "/lib64/ld-linux-x86-64.so.2", "aarch64": "/lib/ld-linux-aarch64.so.1"}[platform.machine()]

# The left half red, the right half blue, 16 x 16 pixels; nothing in the image can write this format.
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAXxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAA"
    "AERAAAEAAQAAAAABoAABAAAAAAAAADsAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/GlwcnAAAADc"
    "aXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkAAAAwAA"
    "AwAeoCCBBZbqrprm4CGgwIAAAAyAAAADAIRiAAEABkQBwXPBiQAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAChjbGFw"
    "AAAAEAAAAAEAAAAQAAAAAf///9AAAAAC////0AAAAAIAAAAQcGl4aQAAAAADCAgIAAAAGGlwbWEAAAAAAAAAAQABBYECAwWEAAAAQ21kYXQAAAA3"
    "KAGvCchdGNAjm1H/F/f6F6GvEy342p2tP/ydrPu18+pxEx3zlQv31NhE6MuGszJlgOMyO91DMA=="
)


def expect(truth: object, sentence: str) -> None:
    """An assertion that no interpreter flag takes away."""
    if not truth:
        raise SystemExit(f"self-test failed: {sentence}")


def libraries_resolve() -> None:
    """Every program and library in the image finds every library that it needs."""
    checked = 0
    for top in ("/usr/bin", "/usr/lib", "/usr/local"):
        for path in Path(top).rglob("*"):
            if path.is_symlink() or not path.is_file() or path.open("rb").read(4) != b"\x7fELF":
                continue
            listing = subprocess.run([LOADER, "--list", str(path)], capture_output=True, text=True, check=False).stdout
            missing = [line.strip() for line in listing.splitlines() if "not found" in line]
            expect(not missing, f"{path}: {missing}")
            checked += 1
    expect(checked > 100, f"only {checked} programs and libraries were found")


def libraries_in_use(pillow: str, without: Collection[str]) -> None:
    """The Pillow, zlib and JPEG libraries that run are the ones that were chosen."""
    expect(("+simd." in PIL.__version__) == (pillow == "simd"), f"Pillow {PIL.__version__} is not {pillow}")
    expect(not features.check("jpg_2000"), "Pillow was built with OpenJPEG, which no upload may reach")
    expect(features.version("zlib_ng"), "Pillow was not built with zlib-ng")
    expect(features.check_feature("libjpeg_turbo"), "Pillow was not built with libjpeg-turbo")
    # Built with is not bound to: the interpreter's own zlib is in the process too.
    bindings = subprocess.run(
        [sys.executable, "-c", "from PIL import Image; Image.new('L', (9, 9)).tobytes('zip', 'L', 6, -1, b'')"],
        env={"LD_DEBUG": "bindings", "LD_BIND_NOW": "1"},
        capture_output=True,
        text=True,
        check=False,
    ).stderr
    stolen = [line for line in bindings.splitlines() if "/PIL/_imaging" in line and "libz.so" in line.split(" to ")[-1]]
    expect("_imaging" in bindings, "the dynamic linker told nothing")
    expect(not stolen, f"Pillow runs on Debian's zlib: {stolen[:1]}")
    in_pieces = pillow == "simd" and "pillow-png-whole" not in without
    expect(("isal_inflate" in bindings) == in_pieces, "PNGs are not inflated by what was chosen")
    for flag, patch in (("HAVE_PNG_PARTS", "pillow-png-parts"), ("HAVE_PNG_BANDS", "pillow-png-whole")):
        wanted = pillow == "simd" and patch not in without
        expect(hasattr(_imaging, flag) == wanted, f"Pillow says by {flag} that it is not what was chosen")


def scene(mode: str = "RGB") -> Image.Image:
    """Four smooth colours, so that a codec that swaps channels or sides is noticed."""
    corners = Image.new("RGB", (2, 2))
    corners.putdata([(220, 40, 40), (40, 200, 40), (40, 40, 210), (230, 220, 60)])
    return corners.resize((48, 32), Image.Resampling.BILINEAR).convert(mode)


def difference(one: Image.Image, other: Image.Image) -> int:
    """The largest difference of any channel of any pixel."""
    expect(one.size == other.size, f"{one.size} is not {other.size}")
    return max(abs(a - b) for a, b in zip(one.convert("RGB").tobytes(), other.convert("RGB").tobytes(), strict=True))


def round_trip(format_: str, tolerance: int, mode: str = "RGB", **options: object) -> None:
    picture = scene(mode)
    file = io.BytesIO()
    picture.save(file, format_, **options)
    again = Image.open(io.BytesIO(file.getvalue()))
    expect(again.format == format_, f"{format_} came back as {again.format}")
    far = difference(picture, again)
    expect(far <= tolerance, f"{format_} {options} is off by {far}")


def animation(format_: str, **options: object) -> None:
    frames = [scene().rotate(90 * turn) for turn in range(3)]
    file = io.BytesIO()
    frames[0].save(file, format_, save_all=True, append_images=frames[1:], duration=80, loop=0, **options)
    again = Image.open(io.BytesIO(file.getvalue()))
    shown = sum(1 for _ in ImageSequence.Iterator(again))
    expect(shown == len(frames), f"{format_} kept {shown} of {len(frames)} frames")


def codecs_work() -> None:
    """Every format that the machine claims is written and read, and HEIC is read."""
    round_trip("JPEG", 12, quality=95)
    round_trip("JPEG", 12, quality=95, progressive=True)
    round_trip("JPEG", 60, mode="CMYK", quality=95)
    round_trip("PNG", 0)
    round_trip("PNG", 0, mode="RGBA")
    round_trip("GIF", 60)
    round_trip("WEBP", 0, lossless=True)
    round_trip("WEBP", 40, quality=95)
    round_trip("AVIF", 40, quality=95)
    round_trip("TIFF", 0, compression="tiff_lzw")
    round_trip("TIFF", 0, compression="tiff_adobe_deflate")
    round_trip("TIFF", 40, compression="jpeg", quality=95)
    round_trip("BMP", 0)
    for format_ in ("GIF", "PNG", "WEBP", "AVIF"):
        animation(format_)

    heif = importlib.import_module("pillow_heif")
    heif.register_heif_opener()
    with Image.open(io.BytesIO(HEIC)) as picture:
        pixels = picture.convert("RGB").tobytes()
    left, right = (pixels[(8 * 16 + x) * 3 :][:3] for x in (2, 13))
    expect(left[0] > left[2] + 80 and right[2] > right[0] + 80, f"HEIC came out as {list(left)}, {list(right)}")

    srgb = ImageCms.createProfile("sRGB")
    managed = ImageCms.profileToProfile(scene(), srgb, ImageCms.createProfile("sRGB"))
    expect(managed and difference(scene(), managed) <= 2, "colour management changes sRGB")

    turbo = ctypes.CDLL("libturbojpeg.so.0")
    turbo.tjInitTransform.restype = ctypes.c_void_p
    turbo.tjDestroy.argtypes = [ctypes.c_void_p]
    handle = turbo.tjInitTransform()
    expect(handle, "libturbojpeg makes no transformer")
    turbo.tjDestroy(handle)


def lanczos(x: float) -> float:
    """The window of three lobes, written down from its definition."""
    if x == 0:
        return 1.0
    if abs(x) >= 3:
        return 0.0
    return 3 * math.sin(math.pi * x) * math.sin(math.pi * x / 3) / (math.pi * x) ** 2


def resampled(rows: list[list[float]], width: int) -> list[list[float]]:
    """Each row brought to `width` samples, in double precision, rounded to whole levels between 0 and 255."""
    scale = len(rows[0]) / width
    stretch = max(scale, 1.0)
    taps = []
    for x in range(width):
        centre = (x + 0.5) * scale
        first = max(0, int(centre - 3 * stretch + 0.5))
        last = min(len(rows[0]), int(centre + 3 * stretch + 0.5))
        weights = [lanczos((sample + 0.5 - centre) / stretch) for sample in range(first, last)]
        total = sum(weights)
        taps.append((first, [weight / total for weight in weights]))
    return [
        [
            min(255.0, max(0.0, math.floor(sum(w * row[first + i] for i, w in enumerate(weights)) + 0.5)))
            for first, weights in taps
        ]
        for row in rows
    ]


def resampling_is_right() -> None:
    """Vector instructions give the pixels of the definition, within one level of rounding.

    Smaller only, as the machine resizes. The definition below gives stock Pillow's pixels to the level.
    """
    chance = random.Random(20261120)  # noqa: S311  # a repeatable picture, not a secret
    for mode, channels in (("L", 1), ("RGB", 3), ("RGBa", 4)):
        for size, wanted in (((97, 61), (40, 29)), ((64, 48), (21, 16)), ((80, 60), (40, 30)), ((9, 70), (1, 7))):
            noise = bytes(chance.randrange(256) for _ in range(size[0] * size[1] * channels))
            made = Image.frombytes(mode, size, noise).resize(wanted, Image.Resampling.LANCZOS).tobytes()
            for channel in range(channels):
                plane = noise[channel::channels]
                rows = [list(map(float, plane[y * size[0] : (y + 1) * size[0]])) for y in range(size[1])]
                wide = resampled(rows, wanted[0])
                tall = resampled([list(column) for column in zip(*wide, strict=True)], wanted[1])
                right = [int(value) for row in zip(*tall, strict=True) for value in row]
                far = max(abs(a - b) for a, b in zip(right, made[channel::channels], strict=True))
                expect(far <= 1, f"{mode} {size} to {wanted} is off by {far} levels")
    straight = bytes(chance.randrange(256) for _ in range(64 * 64 * 4))
    multiplied = Image.frombytes("RGBA", (64, 64), straight).convert("RGBa").tobytes()
    for at in range(0, len(straight), 4):
        alpha = straight[at + 3]
        far = max(abs(round(straight[at + c] * alpha / 255) - multiplied[at + c]) for c in range(3))
        expect(far <= 1, f"premultiplying is off by {far} levels")


def nothing_else_is_here() -> None:
    """No compiler, no package manager, and of botocore's services only those in use."""
    for name in ("cc", "gcc", "pip", "pip3", "apt", "apt-get", "dpkg", "perl", "make", "bash", "curl", "wget"):
        found = [path for path in ("/usr/bin", "/usr/local/bin", "/usr/sbin") if (Path(path) / name).exists()]
        expect(not found, f"{name} is in the image")
    expect(not list(Path("/usr").rglob("pip")), "pip is in the image")
    services = sorted(path.name for path in (PACKAGES / "botocore/data").iterdir() if path.is_dir())
    expect(services == ["dynamodb", "s3", "sns", "sqs"], f"botocore describes {services}")


def readable_by_all() -> None:
    """Lambda runs the image as a user of its own choice."""
    for path in Path("/").rglob("*"):
        if path.is_symlink() or path.parts[1] in ("proc", "sys", "dev", "run", "root", "etc"):
            continue
        mode = path.stat().st_mode
        expect(mode & 0o004 and (not path.is_dir() or mode & 0o001), f"{path} is not for everybody to read")


def functions_can_start() -> None:
    """What a function imports is there, compiled, and its clients can be made."""
    for name in ("awslambdaric.bootstrap", "imagemachine"):
        importlib.import_module(name)
    boto3 = importlib.import_module("boto3")
    for service in ("s3", "sqs"):
        boto3.client(service, region_name="eu-central-1")
    stale = [path for path in PACKAGES.rglob("*.py") if not list((path.parent / "__pycache__").glob(f"{path.stem}.*"))]
    expect(not stale, f"not compiled: {stale[:3]}")


def facts() -> dict[str, object]:
    """What the image says of itself."""
    return {
        "python": platform.python_version(),
        "pillow": PIL.__version__,
        "libraries": {name: features.version(name) for name in ("libjpeg_turbo", "zlib_ng", "webp", "avif", "libtiff",
                                                               "littlecms2")},
    }  # fmt: skip


def main() -> None:
    """Runs every check and writes the report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pillow", choices=["simd", "stock"], required=True)
    parser.add_argument("--simd", required=True)
    parser.add_argument("--without", nargs="*", default=[])
    parser.add_argument("--report", type=Path, required=True)
    arguments = parser.parse_args()
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    libraries_resolve()
    libraries_in_use(arguments.pillow, arguments.without)
    codecs_work()
    resampling_is_right()
    nothing_else_is_here()
    functions_can_start()
    readable_by_all()
    simd = arguments.simd if arguments.pillow == "simd" else None
    report = {"variant": arguments.pillow, "simd": simd, "without": arguments.without, **facts()}
    arguments.report.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
