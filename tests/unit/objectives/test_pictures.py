"""Pictures of reconstructions."""

import pytest
import torch
from PIL import Image

from mimic_core.objectives import draw_pictures
from mimic_core.objectives.pictures import GAP, TILE, TITLE


@pytest.mark.parametrize(("size", "width"), [((8, 8), TILE), ((64, 112), 294), ((20, 10), 84)])
def test_pictures_keep_the_shape_of_the_images(tmp_path, size, width):
    draw_pictures(tmp_path / "a.png", {"one": torch.zeros(2, 3, *size), "other": torch.ones(2, 3, *size)})
    with Image.open(tmp_path / "a.png") as drawn:
        assert drawn.size == (2 * (width + GAP) + GAP, TITLE + 2 * (TILE + GAP))
        assert drawn.getpixel((GAP + width - 1, TITLE + TILE - 1)) == (0, 0, 0)
        assert drawn.getpixel((2 * GAP + width, TITLE)) == (255, 255, 255)
