"""Product pictures: all of it, on white, every picture of one size."""

from imagemachine import Pad, Sharpen, Variant, function

handler = function(
    Variant(name="product", steps=[Pad(800, 800, background="#ffffff"), Sharpen()], formats=["jpeg"], quality=85),
)
