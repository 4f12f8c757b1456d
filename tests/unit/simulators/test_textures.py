"""Textures: where they lie, how they are encoded, filtered, and go on beyond their edges."""

import base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support import REPOSITORY
from unit.simulators.glb_room import POSITIONS, Room, changed, drawn, encoded, quarters

from mimic_core.kit.errors import UnreadableError
from mimic_core.simulators.raster import RasterRenderer
from mimic_core.simulators.raycast import RaycastRenderer, filtered, pyramid
from mimic_core.simulators.scene import load_scene
from mimic_core.simulators.textures import CLAMP, LINEAR, MIRROR, NEAREST, REPEAT, Texture

KTX2 = REPOSITORY / "tests" / "golden" / "textures"
BACKENDS = (RasterRenderer, RaycastRenderer)


@pytest.mark.parametrize("backend", BACKENDS, ids=["moderngl", "embreex"])
@pytest.mark.parametrize("wrap", [(CLAMP, CLAMP), (MIRROR, MIRROR), (MIRROR, REPEAT), (CLAMP, MIRROR)])
def test_samplers_decide_what_comes_after_the_edge(backend: Callable, wrap: tuple[int, int]) -> None:
    """A texture of as many as is needed of the small ones, put together by hand."""

    def change(room: Room) -> None:
        room.document["samplers"] = [{"wrapS": wrap[0], "wrapT": wrap[1], "minFilter": LINEAR}]
        room.document["textures"][0]["sampler"] = 0

    modes = {CLAMP: "edge", MIRROR: "symmetric", REPEAT: "wrap"}
    wide = np.pad(quarters(), ((0, 0), (0, 128), (0, 0)), mode=modes[wrap[0]])  # type: ignore[call-overload]
    large = np.pad(wide, ((0, 128), (0, 0), (0, 0)), mode=modes[wrap[1]])
    by_hand = load_scene(transformed_by_hand(encoded(".png", large)))
    image = drawn(load_scene(changed(change, repeat=2.5)), backend)
    assert np.abs(image - drawn(by_hand, backend)).mean() < 1.0


def transformed_by_hand(picture: bytes) -> bytes:
    def change(room: Room) -> None:
        room.document["samplers"] = [{"wrapS": CLAMP, "wrapT": CLAMP, "minFilter": LINEAR}]
        room.document["textures"][0]["sampler"] = 0

    return changed(change, repeat=2.5 / 3, image=picture)


def test_filters_between_and_within_levels() -> None:
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((2, 2, 3), 200, np.uint8)
    uv, step = np.array([[0.3, 0.3]]), np.array([[0.0, 2**0.3 / 4]])  # 0.3 of the way to the second level

    def colour(minify: int, magnify: int = LINEAR, span: np.ndarray = step) -> float:
        texture = Texture((black, white), minify=minify, magnify=magnify)
        return float(filtered(texture, pyramid(texture), uv, span, span)[0, 0])

    assert colour(9987) == pytest.approx(60) and colour(9986) == pytest.approx(60)
    assert colour(9985) == 0 and colour(9984) == 0 and colour(LINEAR) == 0
    assert colour(9985, span=step * 1.5) == 200
    edge = Texture((np.array([[[0] * 3, [200] * 3]], np.uint8),), minify=NEAREST, magnify=LINEAR)
    at = np.array([[0.49, 0.5]])
    assert filtered(edge, pyramid(edge), at, np.array([[0.9, 0]]), np.array([[0.9, 0]]))[0, 0] == 0
    assert 80 < filtered(edge, pyramid(edge), at, np.zeros((1, 2)), np.zeros((1, 2)))[0, 0] < 120


def in_extension(name: str, image: bytes, *, fallback: bool = False, required: bool = True) -> bytes:
    def change(room: Room) -> None:
        texture: dict = {"extensions": {name: {"source": 0}}}
        if fallback:
            room.document["images"].append({"bufferView": room.view(encoded(".png", quarters()[::-1]))})
            texture["source"] = 1
        room.document["textures"] = [texture]
        room.use(name, required=required)

    return changed(change, image=image, mime="image/other")


def test_webp_textures() -> None:
    for required in (True, False):
        scene = load_scene(in_extension("EXT_texture_webp", encoded(".webp"), required=required))
        assert np.abs(scene.textures[1].pixels.astype(int) - quarters()).mean() < 3


@pytest.mark.parametrize("name", ["KHR_texture_basisu", "GOOGLE_texture_basis"])
def test_basis_universal_textures(name: str) -> None:
    mipmapped = load_scene(in_extension(name, (KTX2 / "quarters_etc1s.ktx2").read_bytes())).textures[1]
    assert [len(level) for level in mipmapped.levels] == [64, 32, 16, 8, 4, 2, 1] and mipmapped.minify == 9987
    one = load_scene(in_extension(name, (KTX2 / "quarters_uastc.ktx2").read_bytes())).textures[1]
    assert len(one.levels) == 1 and one.minify == LINEAR, "no mipmaps are made from a single level"
    for texture in (mipmapped, one):
        difference = np.abs(texture.pixels.astype(int) - quarters())
        assert np.median(difference) < 6, "the right way up"


def test_without_a_transcoder_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("basis", "textures"):
        monkeypatch.setattr(f"mimic_core.simulators.{place}.transcoder_available", lambda: False)
    monkeypatch.setitem(__import__("sys").modules, "opengl_basisu", None)
    data = (KTX2 / "quarters_uastc.ktx2").read_bytes()
    with pytest.raises(UnreadableError, match=r"opengl-basisu.* is not installed") as caught:
        load_scene(in_extension("KHR_texture_basisu", data))
    assert "pip install opengl-basisu==" in caught.value.remedy
    plain = load_scene(in_extension("KHR_texture_basisu", data, fallback=True, required=False))
    np.testing.assert_array_equal(plain.textures[1].pixels, quarters()[::-1])


def test_pictures_and_data_inside_the_document(twice: np.ndarray) -> None:
    def inside(room: Room) -> None:
        text = base64.b64encode(encoded(".png")).decode()
        room.document["images"] = [{"uri": f"data:image/png;base64,{text}"}]
        positions = base64.b64encode(POSITIONS.tobytes()).decode()
        buffers = [{"byteLength": len(room.binary)}, {"uri": f"data:application/octet-stream;base64,{positions}"}]
        room.document["buffers"] = [*buffers[:1], {**buffers[1], "byteLength": POSITIONS.nbytes}]
        room.views[room.accessors[0]["bufferView"]] = {"buffer": 1, "byteLength": POSITIONS.nbytes}

    np.testing.assert_array_equal(drawn(load_scene(changed(inside, repeat=2.0))), twice)


def test_a_texture_without_a_picture_is_plain() -> None:
    def change(room: Room) -> None:
        room.document["textures"] = [{}]

    scene = load_scene(changed(change))
    assert not scene.face_texture.any() and "no image" in scene.remarks[0]


def test_exif_does_not_turn_a_texture() -> None:
    from io import BytesIO

    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    stream = BytesIO()
    Image.fromarray(quarters()).save(stream, "JPEG", quality=95, exif=exif)
    pixels = load_scene(Room(image=stream.getvalue(), mime="image/jpeg").glb()).textures[1].pixels
    assert np.abs(pixels[:30, :30].astype(int).mean((0, 1)) - quarters()[:30, :30].mean((0, 1))).max() < 5


def test_other_files_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "other.png").write_bytes(encoded(".png"))

    def change(room: Room) -> None:
        room.document["images"] = [{"uri": "other.png"}]

    path = tmp_path / "a.glb"
    path.write_bytes(changed(change))
    with pytest.raises(UnreadableError, match="textures lie in other files"):
        load_scene(path)
