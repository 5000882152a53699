from imagemachine import Fit, Variant, function

handler = function(
    Variant(
        name="mobile",
        steps=[Fit(width=828, height=828)],
        quality=80,
    )
)
