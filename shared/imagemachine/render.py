"""The story of a picture, from the upload's bytes to the result's."""

from dataclasses import replace

from PIL import Image

from imagemachine.codec import encode, jpeg, lossless, orientation
from imagemachine.codec.animation import Shown
from imagemachine.codec.decode import Decoded, Upload, check, deep_still, open_upload, planes, shown, still
from imagemachine.codec.stored import Source
from imagemachine.colour import profiles
from imagemachine.colour.convert import is_srgb, to_srgb
from imagemachine.errors import Reason, Rejected
from imagemachine.formats import FORMATS, Format
from imagemachine.transforms import plain, resized
from imagemachine.variant import Fit, Limits, Made, Turn, Variant

_TURN_QUALITY = 88
"""Of a turn that cannot be lossless: a fifth larger than an upload of quality 80, and hardly worse."""


def render(variant: Variant, data: Source | memoryview, limits: Limits) -> Made:
    """The variant of the picture file `data`.

    Raises Rejected with the reason and one sentence when there can be none.
    """
    if len(data) > limits.max_bytes:
        raise Rejected(
            Reason.TOO_MANY_BYTES,
            f"The file has {len(data):,} bytes, more than the {limits.max_bytes:,} allowed; upload a smaller one.",
        )
    upload = open_upload(data, limits)
    target = _target(variant, upload)
    made = None
    if target.name == upload.format:
        # A profile goes along with a turn; what is said in other ways is heard by few viewers.
        if isinstance(variant.transform, Turn) and (upload.metadata.icc or is_srgb(upload.said)):
            made = _without_loss(variant, upload)
        elif _size(variant, upload, target) == upload.size and not _colours_change(upload):
            made = _smallest(variant, upload, target)
    made = made or _rendered(variant, upload, target)
    return replace(made, notes=tuple(dict.fromkeys(upload.notes)))


def _target(variant: Variant, upload: Upload) -> Format:
    wanted = FORMATS[upload.format if variant.format == "keep" else variant.format]
    return wanted if wanted.writable else FORMATS[wanted.fallback]


def _colours_change(upload: Upload) -> bool:
    """Whether the upload's colours are not what a result's have to be."""
    if upload.mode in ("CMYK", "LAB", "YCbCr"):
        return True
    return not is_srgb(upload.said)


def _smallest(variant: Variant, upload: Upload, target: Format) -> Made | None:
    """Where neither size nor format nor colours have to change: the upload itself, unless writing it again is smaller.

    Of a lossless upload it is always itself: writing its pixels again gives the same ones.
    """
    if not target.quality or lossless.is_lossless(upload):
        return _without_loss(variant, upload)
    made = _rendered(variant, upload, target)
    return made if len(made.data) <= len(upload.source) else _without_loss(variant, upload) or made


def _without_loss(variant: Variant, upload: Upload) -> Made | None:
    """The upload brought upright, and turned if that is what the variant does, its samples and colours as they are."""
    transpose = orientation.combined(upload.orientation, variant.transform)
    if transpose is None:
        check(upload)  # Nothing else would notice that its pixels are damaged.
    turned = lossless.turned(upload, transpose, keep_metadata=variant.keep_metadata)
    if turned is None:
        return None
    size = orientation.transposed_size(upload.size, transpose)
    return Made(turned.data, upload.format, *size, upload.frames, turned.engine)


def _rendered(variant: Variant, upload: Upload, target: Format) -> Made:
    """The upload decoded, brought upright, transformed, in sRGB, and encoded."""
    transpose = orientation.combined(upload.orientation, variant.transform)
    size = _size(variant, upload, target)
    upright_size = orientation.transposed_size(size, transpose)
    job = _job(variant, upload, target, upright_size)
    # What comes as a JPEG or WebP and leaves as one stays in its planes on the way, unless its colours have to change.
    in_planes = upload.format == target.name in ("jpeg", "webp") and not _colours_change(upload)
    if in_planes and (picture := planes(upload, size, encode.subsampling(job))) is not None:
        data = encode.planes(picture.transposed(transpose), upright_size, _labelled(job, picture.mode))
        return Made(data, target.name, *upright_size, 1, f"{target.name} planes, {lossless.PILLOW}")
    if target.animation and upload.frames > 1:
        frames = [
            Shown(_transformed(Decoded(frame.image), size, transpose, upload), frame.seconds) for frame in shown(upload)
        ]
        data = encode.animated(frames, upload.loop, _labelled(job, frames[0].image.mode))
        return Made(data, target.name, *frames[0].image.size, len(frames), lossless.PILLOW)
    if upload.frames > 1:
        upload.notes.append(f"{target.title} holds no animation; the first of {upload.frames} frames was taken.")
    # All 16 bits a channel, where the upload has them, the result can have them, and no colour changes.
    deep = deep_still(upload) if upload.said.hdr or (target.deep and not _colours_change(upload)) else None
    if deep is not None and upload.said.hdr:
        deep = deep.resized(size)
        image = orientation.transposed(to_srgb(deep.high, upload.said, upload.notes, deep.low), transpose)
        return Made(encode.still(image, _labelled(job, image.mode)), target.name, *image.size, 1, lossless.PILLOW)
    if deep is not None:
        deep = deep.resized(size).transposed(transpose)
        data = encode.deep_still(deep, _labelled(job, deep.high.mode))
        return Made(data, target.name, *deep.size, 1, lossless.PILLOW)
    image = _transformed(still(upload, size), size, transpose, upload)
    return Made(encode.still(image, _labelled(job, image.mode)), target.name, *image.size, 1, lossless.PILLOW)


def _job(variant: Variant, upload: Upload, target: Format, size: tuple[int, int]) -> encode.Job:
    return encode.Job(
        target,
        quality=variant.quality if isinstance(variant.transform, Fit) else _TURN_QUALITY,
        background=variant.background,
        metadata=replace(
            upload.metadata.for_result(size, keep=variant.keep_metadata),
            icc=upload.metadata.icc or (b"" if is_srgb(upload.said) else profiles.srgb()),
        ),
        lossless=lossless.is_lossless(upload),
        progressive=upload.format == "jpeg" and jpeg.is_progressive(upload.data),
        source_colours=upload.colours,
        remarks=upload.as_gif if variant.keep_metadata else None,
    )


def _size(variant: Variant, upload: Upload, target: Format) -> tuple[int, int]:
    """The result's size before the picture is brought upright or turned."""
    upright = orientation.UPRIGHT.get(upload.orientation)
    width, height = orientation.transposed_size(upload.size, upright)
    box = variant.transform if isinstance(variant.transform, Fit) else Fit(target.largest, target.largest)
    box = Fit(min(box.width, target.largest), min(box.height, target.largest))
    return orientation.transposed_size(box.size(width, height), upright)


def _transformed(
    decoded: Decoded, size: tuple[int, int], transpose: orientation.Transpose | None, upload: Upload
) -> Image.Image:
    """Colours and orientation are put right last, when there are fewer pixels."""
    small = resized(plain(decoded.image), size, decoded.box)
    return orientation.transposed(to_srgb(small, upload.said, upload.notes), transpose)


def _labelled(job: encode.Job, mode: str) -> encode.Job:
    """Colours that came with a profile leave with a small one; those that came without are sRGB by convention."""
    if not job.metadata.icc:
        return job
    small = profiles.grey() if mode in ("L", "LA", "I;16") else profiles.srgb()
    return replace(job, metadata=replace(job.metadata, icc=small))
