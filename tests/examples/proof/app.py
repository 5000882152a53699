"""Proofs: small enough to look at, with a mark across the middle."""

from imagemachine import Fit, Variant, Watermark, function

handler = function(
    Variant(
        name="proof",
        steps=[Fit(1200, 1200), Watermark("mark.png", where="centre", opacity=0.4, scale=0.6)],
        quality=70,
    ),
)
