"""The DPT regression head, which turns the tokens of four encoder layers into one dense map.

Ranftl et al., "Vision Transformers for Dense Prediction" (2021). Structure and parameter names follow the released
MultiMAE, with which MIMIC fine-tunes depth and normals (paper section 4.3).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from mimic_core.kit.errors import MimicError, shown
from mimic_core.kit.numeric import is_count

LEVELS = 4  # number of input token maps, finest first


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (B, C, h, w) bilinearly to ``size`` with aligned corners, as the released head does throughout."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


class ResidualConvUnit(nn.Module):
    """Two 3x3 convolutions, each after a ReLU, with a skip connection. Keeps the shape (B, C, h, w)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x + conv2(relu(conv1(relu(x))))``."""
        out: Tensor = x + self.conv2(F.relu(self.conv1(F.relu(x))))
        return out


class FusionBlock(nn.Module):
    """Add a finer level to the coarser path, refine the sum and upsample it.

    The deepest block has no finer level to add: its ``resConfUnit1`` exists, as released, but is never used.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.resConfUnit1 = ResidualConvUnit(width)
        self.resConfUnit2 = ResidualConvUnit(width)
        self.out_conv = nn.Conv2d(width, width, 1)

    def forward(self, path: Tensor, size: tuple[int, int], finer: Tensor | None = None) -> Tensor:
        """Fuse ``path`` (B, C, h, w) with ``finer`` of the same shape; return (B, C, *size)."""
        if finer is not None:
            path = path + self.resConfUnit1(finer)
        out: Tensor = self.out_conv(resize(self.resConfUnit2(path), size))
        return out


class Upsample(nn.Module):
    """Double the height and width."""

    def forward(self, x: Tensor) -> Tensor:
        """Resize (B, C, h, w) to (B, C, 2h, 2w)."""
        return resize(x, (2 * x.shape[2], 2 * x.shape[3]))


class Scratch(nn.Module):
    """Project all levels to one width and fuse them. Named as in the release."""

    def __init__(self, layer_dims: Sequence[int], feature: int) -> None:
        super().__init__()
        reduce = [nn.Conv2d(dim, feature, 3, padding=1, bias=False) for dim in layer_dims]
        self.layer1_rn, self.layer2_rn, self.layer3_rn, self.layer4_rn = reduce
        self.layer_rn = nn.ModuleList(reduce)
        self.refinenet1 = FusionBlock(feature)
        self.refinenet2 = FusionBlock(feature)
        self.refinenet3 = FusionBlock(feature)
        self.refinenet4 = FusionBlock(feature)

    def forward(self, levels: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Fuse four levels (B, layer_dims[i], h_i, w_i), finest first, from the coarsest up to (B, feature, *size)."""
        one, two, three, four = (reduce(level) for reduce, level in zip(self.layer_rn, levels, strict=True))
        path = self.refinenet4(four, three.shape[2:])
        path = self.refinenet3(path, two.shape[2:], three)
        path = self.refinenet2(path, one.shape[2:], two)
        fused: Tensor = self.refinenet1(path, size, one)
        return fused


class DPTHead(nn.Module):
    """Map the tokens of four layers on an (h, w) patch grid to ``channels`` channels at 16 times the grid size.

    Modules that the released checkpoints name twice (``act_1_postprocess`` is ``act_postprocess.0``,
    ``scratch.layer1_rn`` is ``scratch.layer_rn.0``) are one module under both names and share their parameters.

    Args:
        width: width of the encoder's tokens.
        channels: output channels (depth 1, normals 3).
        layer_dims: width of each level after its projection, the finest (4 times the grid) first.
        feature: width of the fusion path. Released: layer_dims 96, 192, 384, 768 and feature 256.

    Raises:
        MimicError: ``layer_dims`` does not hold four widths, or a size is not a positive integer (``feature``: at
            least 2).
    """

    def __init__(self, width: int, channels: int, layer_dims: Sequence[int], feature: int) -> None:
        super().__init__()
        if len(layer_dims) != LEVELS:
            raise MimicError(
                f"the DPT head takes {LEVELS} layers, not {len(layer_dims)}",
                where="head.layer_dims",
                remedy=f"give {LEVELS} widths, such as [96, 192, 384, 768]",
            )
        least = {
            "width": 1,
            "channels": 1,
            "feature": 2,
            **dict.fromkeys(map("layer_dims[{}]".format, range(LEVELS)), 1),
        }
        for (name, few), size in zip(least.items(), (width, channels, feature, *layer_dims), strict=True):
            if not is_count(size, few):
                what, remedy = f"{name} is {shown(size)}", f"give a whole number of {few} or more"
                raise MimicError(what, where=f"head.{name}", remedy=remedy)
        d1, d2, d3, d4 = layer_dims
        levels = [
            nn.Sequential(nn.Conv2d(width, d1, 1), nn.ConvTranspose2d(d1, d1, 4, stride=4)),
            nn.Sequential(nn.Conv2d(width, d2, 1), nn.ConvTranspose2d(d2, d2, 2, stride=2)),
            nn.Sequential(nn.Conv2d(width, d3, 1)),
            nn.Sequential(nn.Conv2d(width, d4, 1), nn.Conv2d(d4, d4, 3, stride=2, padding=1)),
        ]
        self.act_1_postprocess, self.act_2_postprocess, self.act_3_postprocess, self.act_4_postprocess = levels
        self.act_postprocess = nn.ModuleList(levels)
        self.scratch = Scratch(layer_dims, feature)
        self.head = nn.Sequential(
            nn.Conv2d(feature, feature // 2, 3, padding=1),
            Upsample(),
            nn.Conv2d(feature // 2, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, channels, 1),
        )

    def forward(self, tokens: Sequence[Tensor], grid: tuple[int, int]) -> Tensor:
        """Return a dense map (B, channels, 16 h, 16 w) from four token maps (B, h * w, width).

        Args:
            tokens: patch tokens (no class token) of four encoder layers, shallowest first.
            grid: rows and columns of patches. Odd grids work too: each path is resized to the next finer level.
        """
        height, width = grid
        maps = (x.transpose(1, 2).unflatten(2, (height, width)) for x in tokens)
        levels = [project(x) for project, x in zip(self.act_postprocess, maps, strict=True)]
        out: Tensor = self.head(self.scratch(levels, (8 * height, 8 * width)))
        return out
