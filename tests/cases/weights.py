"""Files of weights: of compiled models, and made to hang, to take memory or to crash their reader."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cases.base import Seen, case, seen
from cases.running import FIELD_MEMORY, attempt, call

IMPORTED = ("mimic_core.models", "timm")
TINY = {"image_size": 64, "patch_size": 16, "width": 64, "depth": 2, "heads": 1}
QUICKLY = 10.0  # seconds


def load(paths: list[Path]) -> dict[str, tuple[str, str]]:
    """In a worker: what becomes of files of weights, with a hash of an encoder that was read."""
    import hashlib

    from mimic_core.models import load_pretrained

    def read(path: Path) -> str:
        state = load_pretrained(path).state_dict()
        names = hashlib.sha256(b"".join(state[name].numpy().tobytes() for name in sorted(state)))
        return names.hexdigest()[:12]

    return {path.name: attempt(lambda path=path: read(path)) for path in paths}


def judge(paths: list[Path], *, refused: bool = True) -> tuple[str, dict[str, bool], dict[str, Any]]:
    """Text, whether each file is refused in words, quickly and within memory, and what became of each."""
    called = call(load, paths)
    found: dict[str, Any] = called.value or {path.name: ("lost", called.lost) for path in paths}
    text = "; ".join(f"{name}: {how}, {words}" for name, (how, words) in found.items()) + f"; {called.how}"
    right = {f"{name} is refused": how == "refused" for name, (how, _) in found.items()} if refused else {}
    right |= {"quickly": called.seconds < QUICKLY, "within memory": called.peak < FIELD_MEMORY}
    return text, right, found


# --- F16: names that wrappers leave -----------------------------------------------------------------------------------


def save_wrapped(folder: Path) -> None:
    """In a worker: a small ViT of timm under the names that wrappers leave."""
    import timm
    import torch

    torch.manual_seed(0)
    settings = {"img_size": 64, "patch_size": 16, "embed_dim": 192, "depth": 2, "num_heads": 3, "num_classes": 10}
    state = timm.models.vision_transformer.VisionTransformer(**settings).state_dict()

    def under(prefix: str) -> dict[str, Any]:
        return {prefix + name: value for name, value in state.items()}

    torch.save({"model": state}, folder / "plain.pth")
    torch.save({"model": under("_orig_mod.")}, folder / "compiled.pth")
    torch.save({"state_dict": state, "arch": "vit"}, folder / "model_best.pth.tar")
    torch.save({"model": under("module._orig_mod.")}, folder / "both.pth")
    torch.save(under("_orig_mod.module."), folder / "both_turned.pth")


WRAPPED = ("plain.pth", "compiled.pth", "model_best.pth.tar")


@case(
    "F16",
    "timm's weights as torch.compile and timm's own training script name them",
    right="compiled.pth and model_best.pth.tar load with the same weights as plain.pth",
    write=lambda folder: call(save_wrapped, folder),
)
def wrapped(folder: Path) -> Seen:
    return judge_wrapped(folder, WRAPPED)


@case(
    "F16b",
    "the same compiled and distributed, in either order",
    right="they load with the same weights as plain.pth",
    write=lambda folder: call(save_wrapped, folder),
)
def wrapped_twice(folder: Path) -> Seen:
    return judge_wrapped(folder, ("plain.pth", "both.pth", "both_turned.pth"))


def judge_wrapped(folder: Path, names: tuple[str, ...]) -> Seen:
    text, _, found = judge([folder / name for name in names], refused=False)
    same = len({words for how, words in found.values() if how == "fine"}) == 1
    return seen(text, all_load=all(how == "fine" for how, _ in found.values()), the_same_weights=same)


# --- bombs ------------------------------------------------------------------------------------------------------------


def write_pickle(path: Path, program: bytes) -> None:
    """A ``.pth`` with a given pickle and no tensor."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("t/data.pkl", program)
        archive.writestr("t/version", b"3")
        archive.writestr("t/byteorder", b"little")


def write_tuple_bombs(folder: Path) -> None:
    """A key of a dict that is a tuple of one tuple twice, which is one of a tuple twice, ... 40 deep; and a value."""
    nested = b"X\x01\0\0\0a\x85" + b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(40))
    write_pickle(folder / "key.pth", b"\x80\x02}" + nested + b"K\x01s.")
    write_pickle(folder / "value.pth", b"\x80\x02}X\x01\0\0\0k" + nested + b"s.")


@case(
    "W1",
    "a .pth of 300 bytes: a key of a dict is nested tuples that share, 40 deep; and a value likewise",
    right="refused, at once",
    write=write_tuple_bombs,
)
def tuple_bomb(folder: Path) -> Seen:
    results = [judge([folder / name]) for name in ("key.pth", "value.pth")]
    return seen(
        "; ".join(text for text, _, _ in results),
        **{name: all(right.get(name, True) for _, right, _ in results) for name in {**results[0][1], **results[1][1]}},
    )


def save_headers(folder: Path, changes: dict[str, Any]) -> None:
    """In a worker: files of an encoder whose headers have other architectures."""
    from mimic_core.models import save_encoder
    from mimic_core.models.weights import build_encoder

    save_encoder(folder / "plain.safetensors", build_encoder(TINY, 0), {})
    data = (folder / "plain.safetensors").read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    for name, change in changes.items():
        header = json.loads(data[8 : 8 + size])
        inner = json.loads(header["__metadata__"]["mimic_encoder"])
        if isinstance(change, dict):
            inner["architecture"] |= change
            header["__metadata__"]["mimic_encoder"] = json.dumps(inner)
        else:
            header["__metadata__"]["mimic_encoder"] = change
        text = json.dumps(header).encode()
        (folder / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size :])
    (folder / "plain.safetensors").unlink()


def with_headers(**changes: Any) -> Callable[[Path], object]:
    return lambda folder: call(save_headers, folder, changes)


@case(
    "W2",
    "headers that say width 65,536, depth 1,000,000 or pictures of 320,000 pixels over a small file",
    right="each is refused in words, before a model is built",
    write=with_headers(width={"width": 65536, "heads": 64}, depth={"depth": 10**6}, image_size={"image_size": 320_000}),
)
def sizes(folder: Path) -> Seen:
    text, right, _ = judge(sorted(folder.iterdir()))
    return seen(text, **right)


@case(
    "W5",
    "headers of other types: width '64', None, [64], depth true, mlp_ratio NaN, heads inf, JSON 200,000 deep",
    right="each is refused in words",
    write=with_headers(
        text={"width": "64"},
        none={"width": None},
        list={"width": [64]},
        true={"depth": True},
        nan={"mlp_ratio": float("nan")},
        inf={"heads": float("inf")},
        deep="[" * 200_000,
    ),
)
def types(folder: Path) -> Seen:
    text, right, _ = judge(sorted(folder.iterdir()))
    return seen(text, **right)


def save_nan(folder: Path) -> None:
    """In a worker: an encoder with a weight that is no number."""
    import torch

    from mimic_core.models.weights import build_encoder

    state = build_encoder({**TINY, "width": 192, "heads": 3}, 0).state_dict()
    torch.save({"model": state}, folder / "good.pth")
    name = next(name for name in state if name.endswith("weight") and state[name].ndim == 2)
    state[name][0, 0] = float("nan")
    torch.save({"model": state}, folder / "nan.pth")


@case(
    "W5b",
    "a .pth with one weight that is NaN",
    right="refused in words; without it, read",
    write=lambda folder: call(save_nan, folder),
)
def nan(folder: Path) -> Seen:
    text, _, found = judge([folder / "good.pth", folder / "nan.pth"], refused=False)
    return seen(text, read_without_it=found["good.pth"][0] == "fine", nan_is_refused=found["nan.pth"][0] == "refused")
