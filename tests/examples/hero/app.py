"""Hero images: wide, in three formats of one decode, with a manifest for the page."""

from imagemachine import Cover, Variant, function

handler = function(
    Variant(
        name="hero",
        steps=[Cover(1600, 600, focus="entropy")],
        formats=["keep", "webp", "avif"],
        quality={"keep": 80, "avif": 60},
        manifest=True,
    ),
)
