"""The vision transformer that all models share: class token, positions, blocks from timm.

Parameters are named as in the released MAE: ``cls_token``, ``pos_embed``, ``patch_embed.proj``, ``blocks.N``, ``norm``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from timm.layers.patch_embed import PatchEmbed
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.nn import functional

from mimic_core.kit.errors import MimicError
from mimic_core.kit.settings import check_value
from mimic_core.kit.values import BelowOne
from mimic_core.models.attention import SelfAttention, rotation_table
from mimic_core.models.masking import gather_tokens
from mimic_core.models.settings import ViTSettings


class Norm(nn.LayerNorm):
    """Layer norm with the epsilon that all released ViTs read here use."""

    def __init__(self, width: int, eps: float = 1e-6, **options: Any) -> None:
        super().__init__(width, eps=eps, **options)


def sincos_positions(width: int, rows: int, columns: int) -> Tensor:
    """Return fixed positions (1, 1 + rows*columns, width); the class token's are zero (as in the released MAE).

    Half of the channels encode the column, half the row; each half holds sines, then cosines, of ``width / 4``
    frequencies from 1 down towards 1/10000.
    """
    frequencies = 10000.0 ** -(torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    angles = [place.reshape(-1, 1) * frequencies for place in (column, row)]
    patches = torch.cat([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], dim=1)
    return torch.cat([torch.zeros(1, width), patches.float()]).unsqueeze(0)


class RotaryBlock(Block):
    """timm's block with rotary positions in its attention."""

    def forward(
        self, x: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False, rotation: Tensor | None = None
    ) -> Tensor:
        """Map tokens (B, N, width) to (B, N, width); ``rotation`` is (2, B or 1, 1, N, channels of a head)."""
        x = x + self.drop_path1(self.attn(self.norm1(x), rotation=rotation))
        out: Tensor = x + self.drop_path2(self.mlp(self.norm2(x)))
        return out


def make_blocks(
    width: int, depth: int, heads: int, mlp_ratio: float = 4.0, drop_path: float = 0.0, *, rotary: bool = False
) -> nn.ModuleList:
    """Make pre-norm transformer blocks; stochastic depth grows linearly from 0 to ``drop_path`` at the last block.

    Raises:
        MimicError: ``drop_path`` is not in [0, 1).
    """
    check_value("drop_path", drop_path, BelowOne)
    rates = torch.linspace(0, drop_path, depth, device="cpu").tolist()
    kind = RotaryBlock if rotary else Block
    return nn.ModuleList(
        kind(width, heads, mlp_ratio, qkv_bias=True, norm_layer=Norm, attn_layer=SelfAttention, drop_path=rate)
        for rate in rates
    )


@torch.no_grad()
def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Initialise as the released MAE: Xavier-uniform matrices, zero biases, tokens of standard deviation 0.02."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(module.weight.flatten(1), generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    for name, parameter in model.named_parameters():
        if name.endswith(("cls_token", "mask_token")) or (name.endswith("pos_embed") and parameter.requires_grad):
            nn.init.normal_(parameter, std=0.02, generator=generator)


class ViT(nn.Module):
    """A vision transformer. :class:`Encoder` uses it unchanged; the pretraining models add a decoder.

    With ``positions: rope`` and ``class_token: false`` this is CroCo v2's encoder (Weinzaepfel et al., 2023). Tests
    check the properties of its rotary positions; it was not compared with a released checkpoint.

    Attributes:
        settings: size, class token and positions.
        width, depth, patch_size: as in the settings.
        grid: patches along one side at the pretraining image size.
        prefix_tokens: tokens before the patch tokens, 1 with a class token and 0 without: patch tokens are
            ``tokens[:, prefix_tokens:]``.
    """

    cls_token: nn.Parameter | None
    pos_embed: nn.Parameter | None

    def __init__(self, settings: ViTSettings, drop_path: float = 0.0) -> None:
        super().__init__()
        self.settings = settings
        self.width, self.depth = settings.width, settings.depth
        self.patch_size, self.grid, self.prefix_tokens = settings.patch_size, settings.grid, settings.prefix_tokens
        self.patch_embed = PatchEmbed(img_size=None, patch_size=self.patch_size, embed_dim=self.width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, self.width)) if settings.class_token else None
        self.rotary = settings.positions == "rope"
        self.pos_embed = None
        if not self.rotary:
            learned = settings.positions == "learned"
            positions = sincos_positions(self.width, self.grid, self.grid)[:, 1 - self.prefix_tokens :]
            positions = torch.zeros_like(positions) if learned else positions.clone()
            self.pos_embed = nn.Parameter(positions, requires_grad=learned)
        self.blocks = make_blocks(
            self.width, self.depth, settings.heads, settings.mlp_ratio, drop_path, rotary=self.rotary
        )
        self.norm = Norm(self.width)

    def grid_of(self, images: Tensor) -> tuple[int, int]:
        """Return rows and columns of patches in images (B, 3, H, W)."""
        height, width = images.shape[-2:]
        if height % self.patch_size or width % self.patch_size:
            raise MimicError(
                f"images of {height}x{width} pixels cannot be cut into patches of {self.patch_size}",
                remedy=f"make both sides multiples of {self.patch_size}",
            )
        return height // self.patch_size, width // self.patch_size

    def positions(self, rows: int, columns: int) -> Tensor:
        """Return added positions (1, prefix_tokens + rows*columns, width), interpolated (bicubic) to another grid.

        With rotary positions nothing is added: returns zeros.
        """
        prefix = self.prefix_tokens
        if self.pos_embed is None:
            return self.norm.weight.new_zeros(1, prefix + rows * columns, self.width)
        if (rows, columns) == (self.grid, self.grid):
            return self.pos_embed
        patches = self.pos_embed[:, prefix:].transpose(1, 2).reshape(1, self.width, self.grid, self.grid)
        resized = functional.interpolate(patches, (rows, columns), mode="bicubic", align_corners=False)
        return torch.cat([self.pos_embed[:, :prefix], resized.flatten(2).transpose(1, 2)], dim=1)

    def rotation(self, images: Tensor, keep: Tensor | None = None) -> dict[str, Tensor]:
        """Return the blocks' extra argument: ``rotation`` (2, B or 1, 1, tokens, channels), or nothing if not rotary.

        A class token has no position and is not rotated.
        """
        if not self.rotary:
            return {}
        table = rotation_table(*self.grid_of(images), self.width // self.settings.heads).to(images.device)
        table = table[:, keep] if keep is not None else table.unsqueeze(1)
        identity = torch.tensor([1.0, 0.0], device=images.device).view(2, 1, 1, 1)
        identity = identity.expand(-1, table.shape[1], self.prefix_tokens, table.shape[3])
        return {"rotation": torch.cat([identity, table], dim=2).unsqueeze(2)}

    def embed(self, images: Tensor, keep: Tensor | None = None) -> Tensor:
        """Return the first block's input (B, prefix_tokens + N, width), with K in place of N if ``keep`` is given."""
        positions = self.positions(*self.grid_of(images))
        tokens: Tensor = self.patch_embed(images) + positions[:, self.prefix_tokens :]
        if keep is not None:
            tokens = gather_tokens(tokens, keep)
        if self.cls_token is None:
            return tokens
        first = (self.cls_token + positions[:, :1]).to(tokens.dtype)
        return torch.cat([first.expand(len(tokens), -1, -1), tokens], dim=1)

    def encode(self, images: Tensor, keep: Tensor | None = None) -> Tensor:
        """Return the layer-normed tokens of the last block.

        Args:
            images: (B, 3, H, W) float, ImageNet-normalised RGB.
            keep: (B, K) indices of the patches to encode, counted row by row; None: all of them.

        Returns:
            (B, prefix_tokens + N, width), or K in place of N, in the order of ``keep``; a class token comes first.
        """
        tokens, rotation = self.embed(images, keep), self.rotation(images, keep)
        for block in self.blocks:
            tokens = block(tokens, **rotation)
        normed: Tensor = self.norm(tokens)
        return normed


class Encoder(ViT):
    """The encoder that pretraining produces and downstream tasks start from.

    Args:
        settings: size, class token and positions.
        drop_path: stochastic depth at the last block, for fine-tuning.
    """

    def forward(self, images: Tensor, keep: Tensor | None = None) -> Tensor:
        """See :meth:`ViT.encode`."""
        return self.encode(images, keep)

    def forward_layers(self, images: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """Return the outputs of the blocks ``layers`` (0 is the first), without the final norm.

        Args:
            images: (B, 3, H, W) float, ImageNet-normalised RGB; both sides multiples of the patch size.
            layers: indices of the blocks, ascending, as dense heads take them.

        Returns:
            One (B, prefix_tokens + N, width) per layer; the patches, row by row, come after the prefix.
        """
        unknown = sorted(set(layers) - set(range(self.depth)))
        if unknown:
            raise MimicError(f"there is no block {unknown[-1]} in an encoder of {self.depth}", remedy="count from 0")
        tokens, rotation = self.embed(images), self.rotation(images)
        outputs = []
        for block in self.blocks[: max(layers) + 1]:
            tokens = block(tokens, **rotation)
            outputs.append(tokens)
        return [outputs[layer] for layer in layers]
