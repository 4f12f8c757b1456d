"""Run in one process, or in several under torchrun: NCCL on GPUs, Gloo on CPUs."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from mimic_core.kit.errors import MimicError
from mimic_core.machine.devices import device

Choice = TypeVar("Choice")


@dataclasses.dataclass(frozen=True)
class Processes:
    """The processes of a run, as seen from one of them.

    Attributes:
        rank: rank of this process, from 0; only rank 0 writes files.
        count: number of processes.
        device: device of this process.
        control: Gloo group for control messages, which do not synchronise GPUs; None for a single process.
    """

    rank: int
    count: int
    device: torch.device
    control: distributed.ProcessGroup | None = None

    @property
    def main(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def put(self, arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
        """Convert arrays to tensors on the device."""
        tensors = {name: torch.from_numpy(values) for name, values in arrays.items()}
        if self.device.type != "cuda":
            return tensors
        return {name: tensor.pin_memory().to(self.device, non_blocking=True) for name, tensor in tensors.items()}

    def wrap(self, model: nn.Module) -> nn.Module:
        """Wrap the model so that gradients are averaged over the processes."""
        if self.count == 1:
            return model
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=devices, gradient_as_bucket_view=True)

    def any(self, flags: Sequence[bool]) -> list[bool]:
        """Return each flag as true if it is true in any process."""
        if self.count == 1:
            return list(flags)
        shared = torch.tensor(flags, dtype=torch.uint8)
        distributed.all_reduce(shared, distributed.ReduceOp.MAX, group=self.control)
        return [bool(flag) for flag in shared]

    def agree(self, choose: Callable[[], Choice]) -> Choice:
        """Call ``choose`` in the main process and return its result, or raise its error, in all processes."""
        if self.count == 1:
            return choose()
        chosen: list[Any] = [None, None]
        if self.main:
            try:
                chosen[0] = choose()
            except Exception as error:  # broadcast, then raised below in all processes
                chosen[1] = error
        distributed.broadcast_object_list(chosen, src=0, group=self.control)
        if chosen[1] is not None:
            raise chosen[1]
        return cast(Choice, chosen[0])

    def sum(self, values: Tensor) -> Tensor:
        """Sum the values over the processes."""
        if self.count > 1:
            values = values.clone()
            distributed.all_reduce(values)
        return values

    def mean(self, values: Tensor) -> Tensor:
        """Average the values over the processes."""
        return self.sum(values) / self.count

    def wait(self) -> None:
        """Wait for all processes."""
        if self.count > 1:
            distributed.barrier(group=self.control)


def accumulate(model: nn.Module, last: bool) -> contextlib.AbstractContextManager[None]:
    """Return the context for a backward pass: gradients are synchronised only on the ``last`` accumulation step."""
    if isinstance(model, DistributedDataParallel) and not last:
        return model.no_sync()
    return contextlib.nullcontext()


def accumulation_steps(effective_batch: int, processes: int, batch_size: int) -> int:
    """Return the number of batches whose gradients each process accumulates.

    Raises:
        MimicError: the effective batch is not divisible into batches of this size.
    """
    steps, rest = divmod(effective_batch, processes * batch_size)
    if rest or not steps:
        share, uneven = divmod(effective_batch, processes)
        fitting = [size for size in range(1, share + 1) if share % size == 0 and size <= batch_size]
        remedy = (
            f"with {processes} processes, set pretrain.batch_size to {fitting[-1]}"
            if fitting and not uneven
            else (f"make pretrain.effective_batch a multiple of {processes} processes x pretrain.batch_size")
        )
        raise MimicError(
            f"effective batch {effective_batch} is not divisible into batches of {batch_size} on {processes} processes",
            where="pretrain.effective_batch",
            remedy=remedy,
        )
    return steps


@contextlib.contextmanager
def processes() -> Iterator[Processes]:
    """Set up the process group if torchrun started several processes; tear it down at the end.

    Raises:
        MimicError: this machine has GPUs, but fewer than processes (without any, they run on the CPU).
    """
    count, here = (int(os.environ.get(name, "1")) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if 0 < torch.cuda.device_count() < here:
        raise MimicError(
            f"{here} processes, but only {torch.cuda.device_count()} GPUs",
            where="pretrain.processes",
            remedy="set one process per GPU; pretrain.effective_batch can stay the same",
        )
    chosen = device(int(os.environ.get("LOCAL_RANK", "0")))
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
        torch.set_float32_matmul_precision("high")  # TF32 for float32 matrix products
    if count == 1:
        yield Processes(0, 1, chosen)
        return
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        control = distributed.new_group(backend="gloo")
        yield Processes(distributed.get_rank(), count, chosen, control)
    finally:
        distributed.destroy_process_group()
