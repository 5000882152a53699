from imagemachine.bootstrap import function
from imagemachine.variant import Turn, Variant

handler = function(
    Variant(
        name="counterclockwise",
        transform=Turn(degrees=270),
    )
)
