"""Makes the pictures of tests/image.rs: what the reference makes of synthetic sources, and small files of every kind.

usage: make.py    (writes beside itself; needs Pillow 13.0 with WebP, and torchvision 0.29)

resized/   NAME-SIZE-RESIZE-FILTER.png: `source` below, also written in tests/image.rs, prepared by `reference.py`
files/     pictures as visitors have them, one for each kind
pixels/    NAME.png: the RGB pixels over white that files/NAME.* holds, as `reference.py` decodes it
"""
import struct, zlib
from pathlib import Path
from PIL import Image

import reference

HERE = Path(__file__).parent


def save(image, path, **options):
    path = HERE / path
    path.parent.mkdir(exist_ok=True)
    image.save(path, **options)


# --- resized/ ---------------------------------------------------------------------------------------------------------


def source(kind, w, h):
    """Stripes, steps and checks that grow with the picture; or noise."""
    unit = max(1, min(w, h) // 12)

    def drawn(x, y):
        red = 250 if (x + 2 * y) // unit % 2 else 20
        green = x * 7 // w * 36 + y * 4 // h
        blue = 230 if (x // (unit + 1) + y // unit) % 2 else 60
        return red, green, blue

    def noise(x, y):
        def value(c):
            n = (x * 0x9E3779B1 + y * 0x85EBCA77 + c * 0xC2B2AE3D) & 0xFFFFFFFF
            n = ((n ^ n >> 15) * 0x2C1B3C6D) & 0xFFFFFFFF
            return (n ^ n >> 12) >> 8 & 255

        return value(0), value(1), value(2)

    pixel = drawn if kind == "drawn" else noise
    image = Image.new("RGB", (w, h))
    image.putdata([pixel(x, y) for y in range(h) for x in range(w)])
    return image


SOURCES = [
    ("drawn", [(300, 200), (199, 301), (333, 251), (128, 128), (1, 1), (5, 3), (2048, 1365), (427, 640), (451, 300)], [(128, 128), (224, 256)]),
    ("drawn", [(640, 40)], [(128, 128)]),
    ("noise", [(300, 200), (47, 31), (5, 3), (1024, 700)], [(32, 37)]),
]
for kind, shapes, sizes in SOURCES:
    for w, h in shapes:
        image = source(kind, w, h)
        for size, resize in sizes:
            for name in reference.FILTERS:
                out = reference.prepare(image, size, resize, name)
                save(out, f"resized/{kind}-{w}x{h}-{size}-{resize}-{name}.png", optimize=True)


# --- files/ and pixels/ -----------------------------------------------------------------------------------------------

# Blocks of 8 x 8, each of one colour, so that a JPEG holds them without loss but for rounding, however it is turned.
COLOURS = [(200, 40, 40), (40, 180, 60), (50, 60, 210), (230, 220, 60), (20, 20, 20), (240, 240, 240)]
W, H = 24, 16


def blocks(mode="RGB", pixel=lambda colour, x, y: colour):
    image = Image.new(mode, (W, H))
    image.putdata([pixel(COLOURS[x // 8 + 3 * (y // 8)], x, y) for y in range(H) for x in range(W)])
    return image


def keep(name, image=None, **options):
    """Saves `image` under files/, then what Pillow reads there, or what is already there, under pixels/."""
    if image:
        save(image, f"files/{name}", **options)
    save(reference.decode(HERE / "files" / name), f"pixels/{name.split('.')[0]}.png", optimize=True)


def png(name, depth, colour_type, rows, chunks=()):
    """A PNG of a kind that Pillow does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", W, len(rows), depth, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    body = chunk(b"IHDR", header) + b"".join(chunk(*c) for c in chunks) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    (HERE / "files" / name).write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def luma(colour):
    return (299 * colour[0] + 587 * colour[1] + 114 * colour[2]) // 1000


JPEG = {"quality": 95, "subsampling": 0}
fade = lambda colour, x, y: (*colour, min(255, 11 * x))
grey = blocks("L", lambda colour, x, y: luma(colour))

keep("jpeg-rgb.jpg", blocks(), **JPEG)
keep("jpeg-progressive.jpg", blocks(), progressive=True, **JPEG)
keep("jpeg-grey.jpg", grey, quality=95)
cmyk = blocks("CMYK", lambda c, x, y: (255 - c[0], 255 - c[1], 255 - c[2], 5 * x))
keep("jpeg-cmyk.jpg", cmyk, quality=95)


def ycck(colour, x, y):
    """Complements of Y, Cb, Cr and K: Pillow writes CMYK complemented, so that these bytes are in the file as YCCK wants them."""
    r, g, b = (255 - value for value in colour)
    luminance = 0.299 * r + 0.587 * g + 0.114 * b
    raw = (luminance, 128 + 0.564 * (b - luminance), 128 + 0.713 * (r - luminance), 255 - 40 * (x // 8))
    return tuple(255 - max(0, min(255, round(value))) for value in raw)


save(blocks("CMYK", ycck), "files/jpeg-ycck.jpg", quality=95)
path = HERE / "files/jpeg-ycck.jpg"
data = bytearray(path.read_bytes())
data[data.index(b"Adobe") + 11] = 2  # The marker's transform: none becomes YCCK.
path.write_bytes(data)
keep("jpeg-ycck.jpg")

# Stored turned, so that a reader that heeds the tag sees the upright picture of pixels/jpeg-rgb.png.
UPRIGHT_TO_STORED = {
    2: [Image.Transpose.FLIP_LEFT_RIGHT],
    3: [Image.Transpose.ROTATE_180],
    4: [Image.Transpose.FLIP_TOP_BOTTOM],
    5: [Image.Transpose.TRANSPOSE],
    6: [Image.Transpose.ROTATE_90],
    7: [Image.Transpose.TRANSVERSE],
    8: [Image.Transpose.ROTATE_270],
}
for tag in range(1, 9):
    stored = blocks()
    for turn in UPRIGHT_TO_STORED.get(tag, []):
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = tag
    save(stored, f"files/exif-{tag}.jpg", exif=exif, **JPEG)

rows = [[COLOURS[x // 8 + 3 * (y // 8)] for x in range(W)] for y in range(H)]
low = lambda x, y: (37 * x + 59 * y) % 256
words = lambda values: b"".join(struct.pack(">H", value) for value in values)
png("png-rgb16.png", 16, 2, [words(256 * c + low(x, y) for x, p in enumerate(row) for c in p) for y, row in enumerate(rows)])
keep("png-rgb16.png")
png("png-grey16.png", 16, 0, [words(256 * luma(p) + low(x, y) for x, p in enumerate(row)) for y, row in enumerate(rows)])
keep("png-grey16.png")
png("png-rgb-key.png", 8, 2, [bytes(c for p in row for c in p) for row in rows], [(b"tRNS", words(COLOURS[1]))])
keep("png-rgb-key.png")
keep("png-grey-alpha.png", blocks("LA", lambda colour, x, y: (luma(colour), min(255, 11 * x))))
keep("png-rgba.png", blocks("RGBA", fade))
keep("png-one-bit.png", grey.point(lambda value: 255 * (value > 127)).convert("1", dither=Image.Dither.NONE))
palette = blocks("P", lambda colour, x, y: COLOURS.index(colour))
palette.putpalette([value for colour in COLOURS for value in colour])
keep("png-palette.png", palette)
keep("png-palette-alpha.png", palette, transparency=bytes([255, 128, 0, 255, 64, 255]))

frames = [blocks("RGB", lambda colour, x, y: tuple(255 - value for value in colour)), Image.new("RGB", (W, H), (9, 9, 9))]
keep("gif-animated.gif", palette, save_all=True, append_images=frames, duration=100, loop=0)
keep("gif-transparent.gif", palette, transparency=2)
keep("webp-lossless.webp", blocks("RGBA", fade), lossless=True, exact=True)
keep("webp-lossy.webp", blocks(), quality=95)
keep("webp-animated.webp", blocks(), save_all=True, append_images=frames, duration=100, lossless=True)
keep("bmp-24.bmp", blocks())
keep("bmp-palette.bmp", palette)

total = sum(file.stat().st_size for file in HERE.rglob("*") if file.is_file())
print(f"{total:,} bytes")
