"""Pictures for a model: one size, three channels, nothing lost in writing them."""

from imagemachine import Exact, Variant, function

handler = function(
    Variant(name="model", steps=[Exact(224, 224, rgb=True)], formats=["png"]),
)
