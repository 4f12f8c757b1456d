"""Settings of the sample world: the config block ``sample``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from annotated_types import Len

from mimic_core.kit.settings import key, settings
from mimic_core.kit.values import AboveZero, AtLeastTwo, NotNegative, Positive, Share


@settings("sample.camera")
class CameraSettings:
    """Imperfections of the camera of videos and photos; 0 everywhere leaves pictures as rendered."""

    noise: NotNegative = key("standard deviation of the sensor noise", default=0.0, unit="grey levels")
    vignette: Share = key("how much darker the corners are than the centre", default=0.0, unit="share")
    exposure: NotNegative = key("standard deviation of the exposure drift", default=0.0, unit="stops")
    white_balance: NotNegative = key("standard deviation of the gains of red and blue relative to green", default=0.0)


@settings("sample.flats")
class FlatsSettings:
    """Number of flats for each purpose; no flat serves two."""

    hm3d: Positive = key("flats in HM3D's layout")
    gibson: Positive = key("flats in Gibson's layout")
    matterport3d: Positive = key("flats in Matterport3D's layout, the first a house of two storeys")
    arkitscenes: Positive = key("flats for the videos of ARKitScenes")
    mannequin: Positive = key("flats with people for the videos of Mannequin")
    scannet: Positive = key("flats for the recordings of ScanNet")
    demon: Positive = key("flats for the photos of DeMoN")
    gibson_heldout: Positive = key("flats in Gibson's layout that are in no training set")
    train: Positive = key("flats for the training images of the downstream tasks")
    test: Positive = key("flats for the test images of the downstream tasks")


@settings("sample.objects")
class ObjectsSettings:
    """Objects that a camera circles, each in its own room."""

    objectron: Positive = key("objects for the videos of Objectron")
    co3d: Positive = key("objects for the sequences of CO3D")


@settings("sample.streets")
class StreetsSettings:
    """Streets for the photos of 3DStreetView."""

    count: Positive = key("number of streets")
    targets: Positive = key("target points on the house fronts of each street")
    photos: AtLeastTwo = key("photos of each target point")


@settings("sample.video_seconds")
class VideoSeconds:
    """Length of a video, by source."""

    arkitscenes: AboveZero = key("length of an ARKitScenes video", unit="seconds")
    mannequin: AboveZero = key("length of a Mannequin video", unit="seconds")
    objectron: AboveZero = key("length of an Objectron video", unit="seconds")


@settings("sample.sequence_frames")
class SequenceFrames:
    """Length of a sequence, by source."""

    scannet: AtLeastTwo = key("length of a ScanNet sequence", unit="frames")
    co3d: AtLeastTwo = key("length of a CO3D sequence", unit="frames")


@settings("sample")
class SplitCounts:
    """Number of images of a downstream dataset."""

    train: Positive = key("training images")
    test: Positive = key("test images")


@settings("sample")
class SampleSettings:
    """The sample world: procedural flats, objects and streets, rendered offline."""

    flats: FlatsSettings = key("flats for each purpose; no flat serves two")
    objects: ObjectsSettings = key("objects that a camera circles, each in its own room")
    streets: StreetsSettings = key("streets for the photos of 3DStreetView")
    video_seconds: VideoSeconds = key("length of a video")
    sequence_frames: SequenceFrames = key("length of a frame sequence")
    demon_samples: Positive = key("groups of two to four photos per flat")
    downstream_resolution: Annotated[Sequence[Positive], Len(2, 2)] = key(
        "height and width of the depth images", unit="pixels"
    )
    depth_images: SplitCounts = key("images of the NYUv2-like set")
    normal_images: SplitCounts = key("images of the Taskonomy-like set")
    segmentation_images: SplitCounts = key("images of the ADE20K-like set")
    pose_images: SplitCounts = key("images of the COCO-like set of person keypoints")
    class_images: SplitCounts = key("images of the ImageNet-like set, split evenly over its classes")
    camera: CameraSettings = key("imperfections of the camera", default_factory=CameraSettings)
