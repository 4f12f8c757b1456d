"""Declarations of the keys that only the workflow reads; those of a stage stand beside the stage's own code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Len
from pydantic import Strict

from mimic_core.frames.settings import ClockSettings, ImageSettings, SceneSettings, SimulatorSettings
from mimic_core.kit.schemas import NOTHING
from mimic_core.kit.settings import key, settings
from mimic_core.kit.values import (
    WHOLE,
    Count,
    Distinct,
    Flag,
    FullText,
    Name,
    Names,
    NotNegative,
    Positive,
    Text,
)

Origin = Literal["sample", "disk"]
Shards = Annotated[int, Strict(), Ge(1), Le(100_000), WHOLE]
HashDistance = Annotated[int, Strict(), Ge(0), Le(31), WHOLE]
Dpi = Annotated[int, Strict(), Ge(50), Le(1200), WHOLE]
Draws = Annotated[int, Strict(), Ge(1), Le(1000), WHOLE]
Files = Annotated[Sequence[FullText], Distinct]
Mode = Literal["frozen", "whole"]
Modes = Annotated[Sequence[Mode], Len(1), Distinct]
Seeds = Annotated[Sequence[Count], Len(1), Distinct]
TaskNames = Annotated[Sequence[Name], Distinct]
Precision = Literal["bf16", "fp32"]


@settings("")
class General:
    """What all stages share."""

    seed: Count = key("every random draw comes from this and from the names of what it is for", reruns="sample")
    scale: Literal["sample", "paper"] = key(
        "written into every table, so that no number is mistaken for another's", reruns="datasets"
    )
    gpus: Literal["auto"] | Count = key(
        "GPUs of a machine that trains: auto counts those of this one; 0 trains on processors; with more, each process"
        " of a training job asks for one",
        reruns=NOTHING,
    )
    videos: Text = key("folder of your own videos, which configs/own_videos.yaml reads", reruns="frames")


@settings("sources.<name>.held_out")
class HeldOut:
    """What a source must have no scene in common with; it is refused where it has."""

    sources: Names = key("other sources, by name", default=())
    lists: Files = key("text files of scenes, one a line", default=())


@settings("sources.<name>.frames")
class SourceFrames(ClockSettings, SceneSettings):
    """How the source's units become views; each kind of source reads its own keys."""


@settings("sources.<name>")
class SourceBlock:
    """Where views come from. The name is a row of the registry ``rules/sources.tsv``."""

    adapter: FullText = key("file in mimic_core/sources that reads it", reruns="frames")
    origin: Origin = key("sample: this workflow makes it; disk: it lies at root", reruns="frames")
    root: FullText = key("folder of the raw data; {videos}: that of the key videos", reruns="frames")
    shards: Shards = key(
        "number of jobs that its units are shared out over; results do not depend on it", reruns="frames"
    )
    frames: SourceFrames = key("how its units become views", reruns="frames")
    pairs: Mapping[str, Any] = key("which of its pairs are measured, and kept", reruns="pairs")
    options: Mapping[str, Any] = key("options of the adapter", default_factory=dict, reruns="frames")
    held_out: HeldOut = key(
        "it is refused where it has a scene in common with these", default_factory=HeldOut, reruns="frames"
    )


@settings("frames")
class FramesBlock(ImageSettings, SimulatorSettings):
    """Views as they are stored: 224x224 JPEGs. A source's own block goes before this one."""

    habitat_python: FullText | None = key(
        "Python of an environment with habitat-sim, for simulator: habitat; null: that of envs/habitat.yaml",
        default=None,
    )
    keep: Flag = key("off: shards of views are deleted once their pairs are mined", default=True, reruns=NOTHING)


@settings("datasets.<name>")
class DatasetBlock:
    """A dataset contains those it includes, and more pairs on top."""

    include: Names = key("names of other datasets")
    pairs: dict[Name, Count | Literal["all"]] = key("how many pairs of each source, or all")


@settings("leaks")
class LeaksBlock:
    """Pairs that look like a test image."""

    tasks: TaskNames = key("tasks whose test images they are compared with", default=())
    bits: HashDistance = key(
        "a view looks like an image where their 64-bit hashes differ in at most so many bits", default=4
    )
    leave_out: Flag = key("leave such pairs out of the datasets; off: they are counted", default=False)


@settings("pretrain")
class PretrainBlock:
    """Keys of all runs that the workflow reads."""

    seed: Count = key("seed of the run; without one, the config's")
    epoch_of: Name = key("dataset whose number of pairs counts as an epoch, so that runs take as many steps")
    nodes: Positive = key("nodes of a cluster that a run shares its work over", reruns=NOTHING)
    processes: Positive = key("processes of a run on each node, one a GPU", reruns=NOTHING)


@settings("pretrain")
class ResumeBlock:
    """How an unfinished run goes on."""

    allow_changed: Sequence[Text] = key(
        "dotted keys in which an unfinished run may differ from its checkpoint, such as settings.epochs",
        default=(),
        reruns=NOTHING,
    )


@settings("finetune.few_shot")
class FewShotBlock:
    """Figure 3b: frozen encoders and few training images."""

    tasks: TaskNames = key("tasks that are trained")
    encoders: Names = key("runs and baselines; random: random weights")
    train_images: Annotated[Sequence[Positive], Distinct] = key("numbers of training images")
    draws: Draws = key("jobs of each number, every one on images of its own")


@settings("finetune")
class FinetuneBlock:
    """Every task is trained from every encoder in every mode, once a seed."""

    encoders: Annotated[Names, Len(1)] = key("runs of pretrain; random: random weights, the floor")
    modes: Modes = key("frozen: only the head learns; whole: the encoder too")
    seeds: Seeds = key("repetitions: a training each")
    precision: Precision = key("precision of the encoder; bf16 is fp32 where the hardware has none")
    threads: Positive = key("CPU threads of a job")
    few_shot: FewShotBlock = key("frozen encoders and few training images (figure 3b)")


@settings("finetune.tasks.<name>")
class TaskPlace:
    """Where a task's dataset lies, and what goes before the keys that all tasks share."""

    origin: Origin = key("sample: this workflow makes the dataset; disk: it lies at root")
    root: FullText = key("folder of the dataset")
    modes: Modes = key("in place of finetune.modes")
    seeds: Seeds = key("in place of finetune.seeds")
    precision: Precision = key("in place of finetune.precision")
    threads: Positive = key("in place of finetune.threads")


@settings("baselines.<name>")
class BaselineBlock:
    """A released checkpoint: a row beside our own runs; where its file is missing, the row says so."""

    path: Text = key("file of the checkpoint; empty: not there")
    model: FullText = key("the objective it was trained with, for the tables")
    dataset: FullText = key("what it was trained on, for the tables")
    licence: FullText = key("whose terms hold")


@settings("reconstruction")
class ReconstructionBlock:
    """Which models paint."""

    encoders: Names = key("runs and baselines")


@settings("report")
class ReportBlock:
    """Tables and figures."""

    table3: Names = key("runs that table 3 compares")
    figure3a: TaskNames = key("tasks measured over the epochs of pretraining, of runs that set save_encoders_at")
    scaling: Names = key("runs on datasets of several sizes, drawn over their pairs (configs/scaling.yaml)")
    dpi: Dpi = key("resolution of the PNG figures", unit="dots an inch")
    mining_quality_pairs: Positive = key("pairs of each kind of scene in the audit of the mining")


@settings("sources.<name>.pairs")
class SourcePairs:
    """Which pairs of a source are measured, and which of those in range are kept."""

    min_blur_variance: NotNegative = key(
        "views whose Laplacian has a smaller variance are left out as blurred; 0: none", unit="grey levels squared"
    )
