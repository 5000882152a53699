from imagemachine import Turn, Variant, function

handler = function(
    Variant(
        name="clockwise",
        steps=[Turn(degrees=90)],
    )
)
