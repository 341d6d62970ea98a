"""Accuracy of the four tiny networks as trained (f32) on Imagenette's validation pictures, by the reference's preparation.

usage: accuracies.py TINY_DIR VAL_DIR [SIZE...]    (VAL_DIR has one folder a wnid; sizes in pixels, 128 unless given)
prints for each size and network: top-1, and the share whose first class reaches 0.85 and how much of that is right, in per cent.
"""
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torchvision.transforms import functional as F

sys.path.insert(0, str(Path(__file__).parent.parent / "pictures"))
import reference  # noqa: E402
from train_tiny import MEAN, STD, ResNet  # noqa: E402

tiny_dir, val_dir = Path(sys.argv[1]), Path(sys.argv[2])
files = [(path, index) for index, folder in enumerate(sorted(val_dir.iterdir())) for path in sorted(folder.iterdir())]
classes = torch.tensor([index for _, index in files])
images = [reference.decode(path) for path, _ in files]
for size in map(int, sys.argv[3:] or ["128"]):
    x = F.normalize(torch.stack([F.to_tensor(reference.prepare(image, size, size, "bilinear")) for image in images]), MEAN, STD)
    for letter in "abcd":
        network = ResNet(letter.upper()).eval()
        network.load_state_dict(load_file(tiny_dir / f"tiny-{letter}.safetensors"))
        with torch.no_grad():
            p, top = torch.cat([network(part) for part in x.split(64)]).softmax(1).max(1)
        right, sure = top == classes, p >= 0.85
        percent = lambda share: f"{100 * share.double().mean():.2f}"
        print(f"tiny-{letter}", size, len(files), percent(right), percent(sure), percent(right[sure]), flush=True)
