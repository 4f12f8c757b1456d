"""DINO: a student predicts the output of a slow average of itself on other crops of an image (Caron et al., 2021)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from mimic_core.kit.settings import key, settings
from mimic_core.kit.values import AboveZero, Count, NotNegative, Positive, Share
from mimic_core.models import Encoder, ViTSettings, initialise


@settings("pretrain.options")
class DINOSettings:
    """Options of DINO; the defaults are those of Caron et al. (2021) for ViT-B."""

    prototypes: Positive = key("outputs of the projection head", default=65536)
    hidden: Positive = key("width of the head's two hidden layers", default=2048)
    bottleneck: Positive = key("width of the head's last layer before the prototypes", default=256)
    local_crops: Count = key("local crops of an image, in addition to the two global ones", default=8)
    student_temperature: AboveZero = key("temperature of the student's softmax", default=0.1)
    teacher_temperature: AboveZero = key("temperature of the teacher's softmax after warm-up", default=0.07)
    teacher_temperature_start: AboveZero = key("teacher temperature at the start; it rises linearly", default=0.04)
    teacher_warmup_epochs: NotNegative = key(
        "epochs of the teacher temperature's warm-up; cut off at the end of the run", default=30
    )
    center_momentum: Share = key("momentum of the centre's moving average", default=0.9)
    teacher_momentum: Share = key(
        "momentum of the teacher's moving average at the start; it rises to 1 on a cosine schedule", default=0.996
    )
    frozen_epochs: NotNegative = key("epochs at the start during which the prototypes are frozen", default=1)


class Head(nn.Module):
    """A three-layer MLP to the unit sphere, then the cosines to K prototypes, whose norms are fixed at 1."""

    def __init__(self, width: int, options: DINOSettings) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(width, options.hidden),
            nn.GELU(),
            nn.Linear(options.hidden, options.hidden),
            nn.GELU(),
            nn.Linear(options.hidden, options.bottleneck),
        )
        self.prototypes = nn.Parameter(torch.zeros(options.prototypes, options.bottleneck))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Initialise as the released DINO: truncated normal of deviation 0.02, prototypes as torch's linear layers."""
        for layer in self.mlp:
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02, generator=generator)
                nn.init.zeros_(layer.bias)
        bound = self.prototypes.shape[1] ** -0.5
        nn.init.uniform_(self.prototypes, -bound, bound, generator=generator)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (B, width) to cosines (B, K), in the precision of the parameters."""
        points = self.mlp(tokens)
        device = "cpu" if points.is_meta else points.device.type  # autocast does not support meta
        with torch.autocast(device, enabled=False):  # the temperatures would amplify rounding errors
            directions = functional.normalize(self.prototypes, dim=1)
            return functional.linear(functional.normalize(points.to(directions.dtype), dim=1), directions)


class Network(nn.Module):
    """Student or teacher: a backbone, and a head on its class token."""

    def __init__(self, encoder: ViTSettings, options: DINOSettings) -> None:
        super().__init__()
        self.backbone = Encoder(encoder)
        self.head = Head(encoder.width, options)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, H, W) to cosines (B, K)."""
        cosines: Tensor = self.head(self.backbone(images)[:, 0])
        return cosines


def dino_loss(student: Tensor, teacher: Tensor, center: Tensor, sharpness: tuple[float, Tensor]) -> Tensor:
    """Return the mean cross-entropy over all pairs of a teacher's crop and a different student's crop: a scalar.

    Args:
        student: (C, B, K) outputs on all crops, those of the teacher first and in the same order.
        teacher: (G, B, K) outputs on the global crops.
        center: (K,) subtracted from the teacher's outputs.
        sharpness: temperatures of the student and of the teacher.
    """
    targets = ((teacher - center) / sharpness[1]).softmax(dim=-1)
    logs = (student / sharpness[0]).log_softmax(dim=-1)
    others = logs.sum(dim=0) - logs[: len(teacher)]  # for each teacher's crop, the sum over all other crops
    return -(targets * others).sum() / (targets.shape[0] * targets.shape[1] * (len(student) - 1))


class DINO(nn.Module):
    """Student and teacher. The loop calls :meth:`before_step` and :meth:`after_step` around the optimizer's step.

    The centre is updated once per step with the mean over the whole effective batch, however that is split.

    Args:
        encoder: size of the backbones.
        options: head, temperatures and momenta.
        epochs: length of the run, for options given in epochs.

    Attributes:
        student, teacher: the networks; the teacher has no gradients.
        center: (K,) running mean of the teacher's outputs.
        done: () share of the training that is finished, 0 to 1; saved in checkpoints, as the schedules depend on it.
    """

    center: Tensor
    done: Tensor

    def __init__(self, encoder: ViTSettings, options: DINOSettings, epochs: float) -> None:
        super().__init__()
        self.settings, self.options, self.epochs = encoder, options, epochs
        self.student = Network(encoder, options)
        self.teacher = Network(encoder, options).requires_grad_(False)
        self.register_buffer("center", torch.zeros(options.prototypes))
        self.register_buffer("done", torch.zeros(()))
        self.sums: Tensor | None = None  # not a buffer: DistributedDataParallel would synchronise it

    def initialise(self, seed: int) -> None:
        """Initialise both networks with the same weights; the same seed gives the same weights."""
        generator = torch.Generator().manual_seed(seed)
        initialise(self.student.backbone, generator)
        self.student.head.initialise(generator)
        self.teacher.load_state_dict(self.student.state_dict())
        self.center.zero_()
        self.done.zero_()
        self.sums = None

    def forward(self, global_crops: Tensor, local_crops: Tensor) -> tuple[dict[str, Tensor]]:
        """Compute the loss between the student's and the teacher's crops.

        Args:
            global_crops: (B, 2, 3, S, S) float, ImageNet-normalised RGB.
            local_crops: (B, n, 3, s, s), n may be 0; s is a multiple of the patch size.

        Returns:
            A tuple of one dict, with the loss ``crops`` (scalar).
        """
        batch = len(global_crops)
        groups = [crops.transpose(0, 1).flatten(0, 1) for crops in (global_crops, local_crops) if crops.shape[1]]
        tokens = torch.cat([self.student.backbone(crops)[:, 0] for crops in groups])
        student = self.student.head(tokens).unflatten(0, (-1, batch))
        with torch.no_grad():
            teacher = self.teacher(groups[0]).unflatten(0, (-1, batch))
            if self.training:
                self.collect(teacher.flatten(0, 1))
        sharpness = (self.options.student_temperature, self.temperature())
        return ({"crops": dino_loss(student, teacher, self.center, sharpness)},)

    def collect(self, outputs: Tensor) -> None:
        """Add the teacher's outputs (B, K) to the sums of this step, whose last entry counts the outputs."""
        sums = torch.cat([outputs.sum(dim=0), outputs.new_full((1,), len(outputs))])
        self.sums = sums if self.sums is None else self.sums + sums

    def temperature(self) -> Tensor:
        """Return the teacher's temperature at this point of the training."""
        options = self.options
        if not options.teacher_warmup_epochs:
            return torch.full_like(self.done, options.teacher_temperature)
        risen = (self.done * (self.epochs / options.teacher_warmup_epochs)).clamp(max=1)
        start = options.teacher_temperature_start
        return start + (options.teacher_temperature - start) * risen

    def momentum(self) -> Tensor:
        """Return the teacher's momentum at this point of the training."""
        return 1 - (1 - self.options.teacher_momentum) * (1 + torch.cos(math.pi * self.done)) / 2

    def before_step(self, done: float) -> None:
        """Drop the gradient of the prototypes while they are frozen; call between backward and clipping.

        Args:
            done: share of the training finished before this step, 0 to 1.
        """
        if done < self.options.frozen_epochs / self.epochs:
            self.student.head.prototypes.grad = None

    @torch.no_grad()
    def after_step(self, done: float) -> None:
        """Update teacher and centre; call after the optimizer's step, in every process.

        Args:
            done: share of the training finished, this step included, 0 to 1.
        """
        moved = 1 - self.momentum()
        for teacher, student in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
            teacher.lerp_(student, moved)
        if self.sums is not None:
            if distributed.is_available() and distributed.is_initialized():
                distributed.all_reduce(self.sums)
            self.center.lerp_(self.sums[:-1] / self.sums[-1], 1 - self.options.center_momentum)
            self.sums = None
        self.done.fill_(done)

    def encoder(self) -> Encoder:
        """Return a copy of the teacher's backbone, on the CPU."""
        encoder = Encoder(self.settings)
        encoder.load_state_dict(self.teacher.backbone.state_dict())
        return encoder
