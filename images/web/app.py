from imagemachine.bootstrap import function
from imagemachine.variant import Fit, Variant

handler = function(
    Variant(
        name="web",
        transform=Fit(width=1920, height=1920),
        quality=82,
    )
)
