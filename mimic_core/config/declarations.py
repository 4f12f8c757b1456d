"""Declarations of the config keys that only the workflow reads; the stages declare their own."""

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
    """Settings that all stages share."""

    seed: Count = key("random seed of the whole workflow", reruns="sample")
    scale: Literal["sample", "paper"] = key(
        "written into every table, so that results of different scales are not confused", reruns="datasets"
    )
    gpus: Literal["auto"] | Count = key(
        "number of GPUs of a training machine; auto: those of this machine; 0: train on CPUs; otherwise each process of"
        " a training job uses one GPU",
        reruns=NOTHING,
    )
    videos: Text = key("folder of your own videos, which configs/own_videos.yaml reads", reruns="frames")


@settings("sources.<name>.held_out")
class HeldOut:
    """Scenes that a source must not share; an overlap is an error."""

    sources: Names = key("other sources, by name", default=())
    lists: Files = key("text files of scenes, one per line", default=())


@settings("sources.<name>.frames")
class SourceFrames(ClockSettings, SceneSettings):
    """How views are taken from the source's units; each kind of source reads its own keys."""


@settings("sources.<name>")
class SourceBlock:
    """A source of views. Its name must be in the registry ``rules/sources.tsv``."""

    adapter: FullText = key("file in mimic_core/sources that reads it", reruns="frames")
    origin: Origin = key("sample: this workflow generates it; disk: it is in the folder root", reruns="frames")
    root: FullText = key("folder of the raw data; {videos}: the folder of the key videos", reruns="frames")
    shards: Shards = key(
        "number of jobs that its units are divided between; results do not depend on it", reruns="frames"
    )
    frames: SourceFrames = key("how views are taken from its units", reruns="frames")
    pairs: Mapping[str, Any] = key("which of its pairs are measured and kept", reruns="pairs")
    options: Mapping[str, Any] = key("options of the adapter", default_factory=dict, reruns="frames")
    held_out: HeldOut = key(
        "scenes that it must not share; an overlap is an error", default_factory=HeldOut, reruns="frames"
    )


@settings("frames")
class FramesBlock(ImageSettings, SimulatorSettings):
    """How views are stored: as 224x224 JPEGs. A source's own block overrides this one."""

    habitat_python: FullText | None = key(
        "Python interpreter of an environment with habitat-sim, for simulator: habitat; null: that of"
        " envs/habitat.yaml",
        default=None,
    )
    keep: Flag = key(
        "keep the shards of views; false: delete them once their pairs are mined", default=True, reruns=NOTHING
    )


@settings("datasets.<name>")
class DatasetBlock:
    """A dataset: the pairs of the datasets it includes, plus pairs of its own."""

    include: Names = key("names of other datasets")
    pairs: dict[Name, Count | Literal["all"]] = key("number of pairs of each source, or all")


@settings("leaks")
class LeaksBlock:
    """Pairs with a view that looks like a test image."""

    tasks: TaskNames = key("tasks whose test images the views are compared with", default=())
    bits: HashDistance = key(
        "a view looks like a test image if their 64-bit hashes differ in at most this many bits", default=4
    )
    leave_out: Flag = key("leave such pairs out of the datasets; false: only count them", default=False)


@settings("pretrain")
class PretrainBlock:
    """Keys of a run that only the workflow reads."""

    seed: Count = key("seed of the run; default: the config's seed")
    epoch_of: Name = key(
        "dataset whose number of pairs counts as one epoch, so that runs on other datasets take as many steps"
    )
    nodes: Positive = key("number of cluster nodes that a run uses", reruns=NOTHING)
    processes: Positive = key("processes of a run on each node, one per GPU", reruns=NOTHING)


@settings("pretrain")
class ResumeBlock:
    """How an unfinished run is resumed."""

    allow_changed: Sequence[Text] = key(
        "dotted keys in which the config may differ from an unfinished run's checkpoint, such as settings.epochs",
        default=(),
        reruns=NOTHING,
    )


@settings("finetune.few_shot")
class FewShotBlock:
    """Figure 3b: frozen encoders and few training images."""

    tasks: TaskNames = key("tasks to train")
    encoders: Names = key("runs and baselines; random: random weights")
    train_images: Annotated[Sequence[Positive], Distinct] = key("numbers of training images")
    draws: Draws = key("trainings for each number of images, each on another random draw of them")


@settings("finetune")
class FinetuneBlock:
    """Every task is trained from every encoder in every mode, once per seed."""

    encoders: Annotated[Names, Len(1)] = key("pretraining runs; random: random weights, as a lower bound")
    modes: Modes = key("frozen: only the head is trained; whole: the encoder too")
    seeds: Seeds = key("one training for each seed")
    precision: Precision = key("precision of the encoder; without hardware support, bf16 falls back to fp32")
    threads: Positive = key("CPU threads of a job")
    few_shot: FewShotBlock = key("frozen encoders and few training images (figure 3b)")


@settings("finetune.tasks.<name>")
class TaskPlace:
    """Where a task's dataset is, and overrides of the keys that all tasks share."""

    origin: Origin = key("sample: this workflow generates the dataset; disk: it is in the folder root")
    root: FullText = key("folder of the dataset")
    modes: Modes = key("overrides finetune.modes")
    seeds: Seeds = key("overrides finetune.seeds")
    precision: Precision = key("overrides finetune.precision")
    threads: Positive = key("overrides finetune.threads")


@settings("baselines.<name>")
class BaselineBlock:
    """A released checkpoint, a row of the tables beside our own runs; the row says if its file is missing."""

    path: Text = key("file of the checkpoint; empty: missing")
    model: FullText = key("the objective it was trained with, for the tables")
    dataset: FullText = key("the dataset it was trained on, for the tables")
    licence: FullText = key("licence of the checkpoint")


@settings("reconstruction")
class ReconstructionBlock:
    """Which models reconstruct masked patches of held-out pairs."""

    encoders: Names = key("runs and baselines")


@settings("report")
class ReportBlock:
    """Tables and figures."""

    table3: Names = key("runs that table 3 compares")
    figure3a: TaskNames = key("tasks measured over the epochs of pretraining, for runs that set save_encoders_at")
    scaling: Names = key("runs on datasets of several sizes, plotted over their number of pairs (configs/scaling.yaml)")
    dpi: Dpi = key("resolution of the PNG figures", unit="dots per inch")
    mining_quality_pairs: Positive = key("pairs of each kind of scene in the mining audit")


@settings("sources.<name>.pairs")
class SourcePairs:
    """Which pairs of a source are measured, and which of those in range are kept."""

    min_blur_variance: NotNegative = key(
        "views whose Laplacian has a smaller variance are left out as blurred; 0: none are", unit="grey levels squared"
    )
