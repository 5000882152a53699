"""Avatars: a square around what draws the eye, of uploads below profiles/ only."""

from imagemachine import Cover, Variant, function

handler = function(
    Variant(name="avatar", steps=[Cover(200, 200, focus="attention")], quality=85, only=["profiles/*"]),
)
