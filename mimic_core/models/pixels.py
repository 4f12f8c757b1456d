"""Pixel normalisation of the encoders' input."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of ImageNet's RGB values, from 0 to 1
IMAGENET_STD = (0.229, 0.224, 0.225)
