from imagemachine.bootstrap import function
from imagemachine.variant import Fit, Variant

handler = function(
    Variant(
        name="thumbnail",
        transform=Fit(width=320, height=320),
        quality=80,
    )
)
