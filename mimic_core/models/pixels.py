"""How pixels are normalised for an encoder."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of ImageNet's RGB values in 0 to 1
IMAGENET_STD = (0.229, 0.224, 0.225)
