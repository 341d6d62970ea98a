"""The reference for every picture that a network reads: Pillow decodes, torchvision prepares (`crates/image/src/lib.rs` says it in words)."""
import numpy as np
from PIL import Image, ImageOps
from torchvision.transforms import functional as F
from torchvision.transforms import InterpolationMode

WHITE = (255, 255, 255, 255)
FILTERS = {"bilinear": InterpolationMode.BILINEAR, "bicubic": InterpolationMode.BICUBIC}


def decode(path):
    """RGB, turned as EXIF says, over white, 16 bits shifted to 8; of an animation the first frame."""
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode.startswith("I"):
        # Pillow keeps 16 bits of grey, and would clip them.
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("CMYK", "L", "RGB", "1"):
        return image.convert("RGB")
    ground = Image.new("RGBA", image.size, WHITE)
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB")


def prepare(image, size, resize, how):
    """The square that the network reads."""
    return F.center_crop(F.resize(image, resize, FILTERS[how], antialias=True), [size, size])
