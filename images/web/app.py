from imagemachine import Fit, Variant, function

handler = function(
    Variant(
        name="web",
        steps=[Fit(width=1920, height=1920)],
        quality=82,
    )
)
