"""What the codec is tried on before anybody's picture comes."""

import pytest

from imagemachine.formats import FORMATS
from imagemachine.rehearsal import pictures
from imagemachine.render import render
from imagemachine.steps import Cover, Step
from imagemachine.variant import Fit, Limits, Turn, Variant


@pytest.mark.parametrize("step", [Turn(90), Fit(320, 320), Fit(1920, 1920), Cover(200, 200)], ids=str)
def test_a_picture_of_every_usual_format_is_made_of_it(step: Step) -> None:
    variant = Variant("thumbnail", [step])
    made = [render(variant, data, Limits(10**6, 10**6)) for data in pictures()]
    assert [each.format for each in made] == ["jpeg", "png", "webp"]
    assert all(FORMATS[each.format].could_be(each.data) for each in made)
    assert all((each.width, each.height) != (4096, 16) for each in made), "something has to be done"
