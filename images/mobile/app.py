from imagemachine.bootstrap import function
from imagemachine.variant import Fit, Variant

handler = function(
    Variant(
        name="mobile",
        transform=Fit(width=828, height=828),
        quality=80,
    )
)
