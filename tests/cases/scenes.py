"""Scenes whose colour, surfaces or places are written in ways that glTF allows: each has to look like the plain one."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cases.base import Seen, case, seen
from cases.making import Room, encoded, poster
from cases.running import attempt, call, command, heard

FAR = (448_262.0, 52.0, -5_411_932.0)  # metres: where a georeferenced room lies
LIKE = 1.0  # mean difference in grey levels


def views_of(folder: Path, names: list[str], at: tuple[float, float, float], backend: str) -> dict[str, Any]:
    """In a worker: how each room differs from the reference, and what was said of it.

    Returns:
        For each name (mean difference in grey levels, standard deviation of the view, words); words alone where it is
        refused.
    """
    reference = view_of(folder / "reference.glb", (0.0, 1.5, 0.0), backend)
    found: dict[str, Any] = {}
    for name in names:
        with heard() as lines:
            how, picture = attempt(lambda name=name: view_of(folder / name, at, backend))
        if how != "fine":
            found[name] = (how, str(picture))
            continue
        difference = float(np.abs(picture[0].astype(float) - reference[0]).mean())
        found[name] = (round(difference, 2), round(float(picture[0].std()), 1), "; ".join([*lines, *picture[1]]))
    return found


def view_of(path: Path, at: tuple[float, float, float], backend: str) -> tuple[Any, list[str]]:
    """A view of a room, and what the simulator remarks of it."""
    from mimic_core.simulators import camera_pose, open_simulator

    with open_simulator(path, up="y", backend=backend) as simulator:
        picture = simulator.render_rgb(camera_pose(at, 20))
        return picture, list(getattr(simulator, "remarks", []))


def judge(
    folder: Path,
    *names: str,
    at: tuple[float, float, float] = (0.0, 1.5, 0.0),
    backends: tuple[str, ...] = ("auto",),
    refused: str = "",
    word: bool = False,
) -> Seen:
    """Whether rooms look like the reference.

    Args:
        refused: name of an extension for which a refusal that says it is right, too.
        word: whether something has to be said of each.
    """
    texts, right = [], {}
    for backend in backends:
        called = call(views_of, folder, list(names), at, backend)
        for name in names:
            found = (called.value or {}).get(name, ("lost", called.lost))
            label = f"{name}{f' ({backend})' * (len(backends) > 1)}"
            alike = not isinstance(found[0], str) and found[0] < LIKE and found[1] > 5
            told = bool(refused) and found[0] == "refused" and refused in found[1]
            right[f"{label} looks the same{' or is refused by name' * bool(refused)}"] = alike or told
            if word:
                right[f"a word about {label}"] = bool(found[-1])
            texts.append(
                f"{label}: {found[0]}, {found[1]}"
                if isinstance(found[0], str)
                else f"{label}: differs by {found[0]}, deviation {found[1]}" + f", '{found[2]}'" * bool(found[2])
            )
    return seen("; ".join(texts), **right)


def reference(folder: Path) -> None:
    Room().write(folder / "reference.glb")


# --- F10: a transform of the texture --------------------------------------------------------------------------------

TRANSFORM = "KHR_texture_transform"


def transformed(**transform: object) -> Room:
    room = Room(repeats=1.0)
    room.texture["extensions"] = {TRANSFORM: transform}
    return room


def write_transformed(folder: Path) -> None:
    reference(folder)
    for name, required in (("scale.glb", False), ("scale_required.glb", True)):
        room = transformed(scale=[2, 2])
        room.extension(TRANSFORM, required=required)
        room.write(folder / name)


def write_moved(folder: Path) -> None:
    """Half a turn, a scale and an offset that bring the reference's coordinates back."""
    reference(folder)
    offset = np.array([0.25, 0.5], np.float32)
    room = transformed(rotation=np.pi, scale=[2, 2], offset=offset.tolist())
    coordinates = (offset - Room().uv) / 2
    room.primitive["attributes"]["TEXCOORD_0"] = room.add(coordinates.astype(np.float32))
    room.extension(TRANSFORM, required=True)
    room.write(folder / "turned.glb")


@case(
    "F10",
    "a texture scaled by KHR_texture_transform, used and required",
    right="the same picture as with the scale in the coordinates",
    write=write_transformed,
)
def transform(folder: Path) -> Seen:
    return judge(folder, "scale.glb", "scale_required.glb")


@case(
    "F10b",
    "a texture turned by half, scaled and moved by KHR_texture_transform",
    right="the same picture as with plain coordinates",
    write=write_moved,
)
def transform_moved(folder: Path) -> Seen:
    return judge(folder, "turned.glb")


# --- F11: colour elsewhere -----------------------------------------------------------------------------------------

GLOSSY = "KHR_materials_pbrSpecularGlossiness"


def write_glossy(folder: Path) -> None:
    reference(folder)
    for name, required in (("specgloss.glb", False), ("specgloss_required.glb", True)):
        room = Room()
        room.document["materials"] = [{"extensions": {GLOSSY: {"diffuseTexture": {"index": 0}}}}]
        room.extension(GLOSSY, required=required)
        room.write(folder / name)


@case(
    "F11",
    "colour in KHR_materials_pbrSpecularGlossiness, as older exporters write scans",
    right="the same picture, or a refusal that names the extension",
    write=write_glossy,
)
def glossy(folder: Path) -> Seen:
    return judge(folder, "specgloss.glb", "specgloss_required.glb", refused=GLOSSY)


def write_unknown(folder: Path) -> None:
    reference(folder)
    room = Room()
    room.extension("ACME_materials_of_tomorrow", required=True)
    room.write(folder / "unknown.glb")
    bare = Room()
    bare.document["materials"] = [{}]
    bare.write(folder / "bare.glb")


@case(
    "F11b",
    "an extension that nobody knows is required",
    right="a refusal that names the extension",
    write=write_unknown,
)
def unknown(folder: Path) -> Seen:
    found = call(views_of, folder, ["unknown.glb"], (0.0, 1.5, 0.0), "auto")
    how, text = (found.value or {}).get("unknown.glb", ("lost", found.lost))[:2]
    return seen(f"{how}: {text}", refused_by_name=how == "refused" and "ACME_materials_of_tomorrow" in str(text))


# --- F12: strips and fans ------------------------------------------------------------------------------------------


def write_fans(folder: Path) -> None:
    """Floor and ceiling are triangles, the walls fans or strips; indices say the order, or there are none."""
    reference(folder)
    for name, mode, order in (("fans.glb", 6, [0, 1, 2, 3]), ("strips.glb", 5, [1, 2, 0, 3])):
        room = Room()
        walls = [
            {**room.primitive, "mode": mode, "indices": room.add(np.array(order, np.uint16) + np.uint16(4 * number))}
            for number in range(2, 6)
        ]
        flat = {**room.primitive, "indices": room.add(room.faces[:12])}
        room.document["meshes"][0]["primitives"] = [flat, *walls]
        room.write(folder / name)


@case(
    "F12",
    "walls of triangle fans; and of triangle strips",
    right="the same picture",
    write=write_fans,
)
def fans(folder: Path) -> Seen:
    return judge(folder, "fans.glb", "strips.glb")


# --- F13: far from the origin --------------------------------------------------------------------------------------


def write_far(folder: Path) -> None:
    reference(folder)
    room = Room()
    room.document["nodes"] = [{"mesh": 0, "translation": list(FAR)}]
    room.write(folder / "utm.glb")


@case(
    "F13",
    "a georeferenced room: 448 km east and 5,412 km north of the origin",
    right="the same picture, in moderngl and in embreex",
    write=write_far,
)
def far(folder: Path) -> Seen:
    return judge(folder, "utm.glb", at=(FAR[0], FAR[1] + 1.5, FAR[2]), backends=("moderngl", "embreex"))


# --- F14: where a texture's bytes are ------------------------------------------------------------------------------


def write_sources(folder: Path) -> None:
    reference(folder)
    webp = encoded(poster(), ".webp", cv2.IMWRITE_WEBP_QUALITY, 101)  # without loss
    for name, required in (("webp_used.glb", False), ("webp_required.glb", True)):
        room = Room(image=webp, mime="image/webp")
        room.document["textures"] = [{"extensions": {"EXT_texture_webp": {"source": 0}}}]
        room.extension("EXT_texture_webp", required=required)
        room.write(folder / name)
    room = Room()
    room.document["textures"].append({})
    room.document["materials"].append({"pbrMetallicRoughness": {"baseColorTexture": {"index": 1}}})
    floor = {**room.primitive, "material": 1, "indices": room.add(room.faces[:6])}
    room.primitive["indices"] = room.add(room.faces[6:])
    room.document["meshes"][0]["primitives"].append(floor)
    room.write(folder / "no_source.glb")
    room = Room()
    uri = "data:image/png;base64," + base64.b64encode(encoded(poster(), ".png")).decode()
    room.document["images"] = [{"uri": uri}]
    room.write(folder / "data_uri.glb")


@case(
    "F14",
    "textures in WebP and in a data: URI, and a texture without a source on the floor",
    right="WebP and data: look the same; the room whose floor's texture has no source is read, its floor plain",
    write=write_sources,
)
def sources(folder: Path) -> Seen:
    alike = judge(folder, "webp_used.glb", "webp_required.glb", "data_uri.glb")
    called = call(views_of, folder, ["no_source.glb"], (0.0, 1.5, 0.0), "auto")
    found = (called.value or {}).get("no_source.glb", ("lost", called.lost))
    read = not isinstance(found[0], str) and found[1] > 5 and found[0] < 60
    wrong = (*alike.wrong, *(() if read else ("no_source.glb is read",)))
    return Seen(f"{alike.text}; no_source.glb: {found}", wrong)


# --- F19: outliers -------------------------------------------------------------------------------------------------


def write_outliers(folder: Path) -> None:
    reference(folder)
    Room().with_triangle([[np.nan] * 3] * 3).write(folder / "nan.glb")
    Room().with_triangle([[2000, 0, 0], [2000.1, 0, 0], [2000, 0.1, 0]]).write(folder / "speck.glb")


@case(
    "F19",
    "a good room with one face of NaN; with a speck of 10 cm at 2 km",
    right="the bad face is left out with a word, or the message says what it is; no talk of centimetres",
    write=write_outliers,
)
def outliers(folder: Path) -> Seen:
    found = judge(folder, "nan.glb", "speck.glb", word=True)
    return Seen(found.text, (*found.wrong, *(("no talk of centimetres",) if "centimetre" in found.text else ())))


# --- F26: two LLVMs in one process -----------------------------------------------------------------------------------

NOTEBOOK = """
from pathlib import Path
from mimic_core.simulators import camera_pose, open_simulator
with open_simulator(Path(__file__).parent / "reference.glb", up="y", backend="moderngl") as simulator:
    print(simulator.render_rgb(camera_pose((0, 1.5, 0), 20)).mean())
from mimic_core.models import build_encoder
build_encoder({"image_size": 64, "width": 192, "depth": 2, "heads": 3}, seed=0)
print("end reached")
"""


def write_notebook(folder: Path) -> None:
    reference(folder)
    (folder / "run.py").write_text(NOTEBOOK)


@case(
    "F26",
    "a notebook that draws a view with moderngl and then loads an encoder",
    right="'end reached', rc 0",
    write=write_notebook,
)
def notebook(folder: Path) -> Seen:
    ended = command(sys.executable, folder / "run.py")
    return seen(
        f"{ended.how}: {' '.join(ended.output.split())} {ended.last if ended.code else ''}",
        end_reached="end reached" in ended.output,
        rc_0=ended.code == 0,
    )
