"""Prints what the processors of transformers 5.24 make of an image, for tests/library/images.rs: needs Pillow too."""

import numpy as np
import transformers
from PIL import Image

y, x = np.mgrid[0:31, 0:50]
image = Image.fromarray(np.stack([x * y % 256, 7 * x % 256, (x * x + y) % 256], -1).astype(np.uint8))
for name, keys in [
    ("ConvNext", dict(size={"shortest_edge": 20}, crop_pct=0.9, resample=3)),
    ("ConvNext", dict(size={"shortest_edge": 384}, resample=2)),
    ("ViT", dict(size={"height": 24, "width": 36}, resample=2)),
    ("Bit", dict(size={"shortest_edge": 23}, crop_size={"height": 29, "width": 20}, resample=3)),
]:
    processor = getattr(transformers, f"{name}ImageProcessorPil")(do_rescale=False, do_normalize=False, **keys)
    pixels = np.asarray(processor(image, return_tensors="np")["pixel_values"])[0]
    total = 0
    for value in pixels.reshape(-1):
        total = (total * 31 + int(value)) % 2**32
    print(name, pixels.shape, total)
