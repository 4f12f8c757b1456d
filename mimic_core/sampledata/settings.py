"""Settings of the sample world: the config block ``sample``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from annotated_types import Len

from mimic_core.kit.settings import key, settings
from mimic_core.kit.values import AboveZero, AtLeastTwo, NotNegative, Positive, Share


@settings("sample.camera")
class CameraSettings:
    """How far the camera of videos and photos is from a perfect one; 0 everywhere leaves pictures as rendered."""

    noise: NotNegative = key("noise of the sensor, standard deviation", default=0.0, unit="grey levels")
    vignette: Share = key("how much darker the corners are than the middle", default=0.0, unit="share")
    exposure: NotNegative = key("drift of the exposure, standard deviation", default=0.0, unit="stops")
    white_balance: NotNegative = key("gain of red and of blue against green, standard deviation", default=0.0)


@settings("sample.flats")
class FlatsSettings:
    """Number of flats for each purpose; no flat serves two."""

    hm3d: Positive = key("flats in HM3D's layout")
    gibson: Positive = key("flats in Gibson's layout")
    matterport3d: Positive = key("flats in Matterport3D's layout, the first a house of two storeys")
    arkitscenes: Positive = key("flats filmed as ARKitScenes")
    mannequin: Positive = key("flats with people, filmed as Mannequin")
    scannet: Positive = key("flats filmed as ScanNet")
    demon: Positive = key("flats photographed as DeMoN")
    gibson_heldout: Positive = key("flats in Gibson's layout that no training set reads")
    train: Positive = key("flats of the training images of the downstream tasks")
    test: Positive = key("flats of their test images")


@settings("sample.objects")
class ObjectsSettings:
    """Things that a camera goes around, each in a room of its own."""

    objectron: Positive = key("objects filmed as Objectron")
    co3d: Positive = key("objects photographed as CO3D")


@settings("sample.streets")
class StreetsSettings:
    """Streets photographed as 3DStreetView."""

    count: Positive = key("number of streets")
    targets: Positive = key("points on the house fronts of each street")
    photos: AtLeastTwo = key("photos of each point")


@settings("sample.video_seconds")
class VideoSeconds:
    """Length of a video by source."""

    arkitscenes: AboveZero = key("length of a video of ARKitScenes", unit="seconds")
    mannequin: AboveZero = key("length of a video of Mannequin", unit="seconds")
    objectron: AboveZero = key("length of a video of Objectron", unit="seconds")


@settings("sample.sequence_frames")
class SequenceFrames:
    """Frames of a sequence by source."""

    scannet: AtLeastTwo = key("length of a sequence of ScanNet", unit="frames")
    co3d: AtLeastTwo = key("length of a sequence of CO3D", unit="frames")


@settings("sample")
class SplitCounts:
    """Images of a downstream dataset."""

    train: Positive = key("training images")
    test: Positive = key("test images")


@settings("sample")
class SampleSettings:
    """The sample world: procedural flats, things and streets, rendered offline."""

    flats: FlatsSettings = key("flats for each purpose; no flat serves two")
    objects: ObjectsSettings = key("things that a camera goes around, each in a room of its own")
    streets: StreetsSettings = key("streets photographed as 3DStreetView")
    video_seconds: VideoSeconds = key("length of a video")
    sequence_frames: SequenceFrames = key("length of a frame sequence")
    demon_samples: Positive = key("groups of two to four pictures in a flat")
    downstream_resolution: Annotated[Sequence[Positive], Len(2, 2)] = key(
        "height and width of the depth images", unit="pixels"
    )
    depth_images: SplitCounts = key("images of the NYUv2-like set")
    normal_images: SplitCounts = key("images of the Taskonomy-like set")
    segmentation_images: SplitCounts = key("images of the ADE20K-like set")
    pose_images: SplitCounts = key("images of the set like COCO's person keypoints")
    class_images: SplitCounts = key("images of the ImageNet-like set, shared out over its classes")
    camera: CameraSettings = key("how far the camera is from a perfect one", default_factory=CameraSettings)
