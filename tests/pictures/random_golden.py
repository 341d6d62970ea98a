"""What the reference makes of the random pictures that `cargo run --example pictures` draws: a line each, the square's SHA-256.

usage: random_golden.py FOLDER OUT.tsv    (FOLDER as the example wrote it; needs Pillow and torchvision)
"""
import hashlib, sys
from pathlib import Path

import numpy as np

import reference

folder, out = Path(sys.argv[1]), Path(sys.argv[2])
lines = []
for line in (folder / "list.tsv").read_text().splitlines():
    name, size, resize, how = line.split("\t")
    square = reference.prepare(reference.decode(folder / name), int(size), int(resize), how)
    pixels = np.asarray(square).tobytes()
    ours = (folder / name).with_suffix(".rgb").read_bytes()
    off = np.abs(np.frombuffer(pixels, np.uint8).astype(int) - np.frombuffer(ours, np.uint8)) if len(ours) == len(pixels) else None
    if ours != pixels:
        print(name, line, "another size" if off is None else f"at most {off.max()} off, {(off > 0).mean():.4%} of values")
    lines.append(f"{line}\t{hashlib.sha256(pixels).hexdigest()}\n")
out.write_text("".join(lines))
print(len(lines), "pictures")
