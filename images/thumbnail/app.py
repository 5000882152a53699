from imagemachine import Fit, Variant, function

handler = function(
    Variant(
        name="thumbnail",
        steps=[Fit(width=320, height=320)],
        quality=80,
    )
)
