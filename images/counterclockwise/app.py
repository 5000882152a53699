from imagemachine import Turn, Variant, function

handler = function(
    Variant(
        name="counterclockwise",
        steps=[Turn(degrees=270)],
    )
)
