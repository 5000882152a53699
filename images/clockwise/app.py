from imagemachine.bootstrap import function
from imagemachine.variant import Turn, Variant

handler = function(
    Variant(
        name="clockwise",
        transform=Turn(degrees=90),
    )
)
