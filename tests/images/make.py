"""Makes the JPEG files beside it, and prints the numbers of tests/library/images.rs.

    python3 tests/images/make.py     with Pillow 13.0 and numpy
"""

from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent

inks = np.zeros((16, 24, 4), np.uint8)
inks[:] = [200, 100, 50, 60]
inks[:, 12:] = [0, 30, 220, 0]
Image.fromarray(inks, "CMYK").save(HERE / "cmyk.jpg", quality=95)

y, x = np.mgrid[0:24, 0:40]
slopes = np.stack([40 + 4 * x, 200 - 5 * y, 90 + x + y], -1).clip(0, 255).astype(np.uint8)
Image.fromarray(slopes).save(HERE / "progressive.jpg", quality=90, progressive=True)
quarter_turn = Image.Exif()
quarter_turn[274] = 6
Image.fromarray(slopes).save(HERE / "turned.jpg", quality=90, exif=quarter_turn)

for name in ["cmyk", "progressive", "turned"]:
    pixels = np.asarray(Image.open(HERE / f"{name}.jpg").convert("RGB"))
    print(name, pixels.shape, [pixels[at].tolist() for at in [(0, 0), (5, 20), (-1, -1)]])

i = np.arange(11 * 17 * 3)
noise = Image.fromarray(((i * 7919 + (i * i) % 251 * 31) % 256).astype(np.uint8).reshape(11, 17, 3))
for size in [(6, 4), (23, 19)]:
    for code in range(6):
        values = np.asarray(noise.resize(size, code)).transpose(2, 0, 1).reshape(-1)
        total = 0
        for value in values:
            total = (total * 31 + int(value)) % 2**32
        print(size, code, values[:6].tolist(), total)
