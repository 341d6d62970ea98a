"""PyTorch's logits of the four tiny networks and of ResNet-50-A on the sample pictures, prepared by torchvision's own transforms.

usage: samples.py TINY_DIR RESNET50_A.safetensors IMAGE...
writes tiny-samples.json and resnet50-a-samples.json beside itself. TINY_DIR holds tiny-a ... tiny-d.safetensors as trained (f32);
RESNET50_A is what `cargo xtask weights` stores (f16 convolutions). `../pictures/reference.py` decodes and prepares.
"""
import json, sys
from pathlib import Path

import torch, torchvision
from safetensors.torch import load_file
from torchvision.transforms import functional as F

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "pictures"))
import reference  # noqa: E402
from train_tiny import MEAN, STD, ResNet  # noqa: E402

tiny_dir, resnet50_a, images = Path(sys.argv[1]), Path(sys.argv[2]), [Path(path) for path in sys.argv[3:]]


def logits(network, image, size, resize, how, mean, std):
    square = reference.prepare(reference.decode(image), size, resize, how)
    with torch.no_grad():
        return network(F.normalize(F.to_tensor(square), mean, std)[None])[0].double()


def write(name, rows):
    (HERE / name).write_text(json.dumps(rows, indent=1) + "\n")


tiny = {}
for letter in "abcd":
    network = ResNet(letter.upper()).eval()
    network.load_state_dict(load_file(tiny_dir / f"tiny-{letter}.safetensors"))
    rows = tiny[f"tiny-{letter}"] = {}
    for image in images:
        z = logits(network, image, 128, 128, "bilinear", MEAN, STD)
        p = z.softmax(0)
        rows[image.name] = {"logits": [round(t, 5) for t in z.tolist()], "top": int(p.argmax()), "p": round(float(p.max()), 5)}
write("tiny-samples.json", tiny)

# torchvision's ResNet-50 with the stride of each transition on the first 1x1 of its main path; He et al.'s mean, no deviation.
network = torchvision.models.resnet50().eval()
for stage in (network.layer2, network.layer3, network.layer4):
    stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
network.load_state_dict({key: value.float() for key, value in load_file(resnet50_a).items()}, strict=False)
labels = torchvision.models.ResNet50_Weights.DEFAULT.meta["categories"]
rows = {}
for image in images:
    z = logits(network, image, 224, 256, "bilinear", [m / 255 for m in (123.68, 116.779, 103.939)], [1 / 255] * 3)
    p, top = z.softmax(0).topk(5)
    rows[image.name] = {
        "top5": top.tolist(),
        "labels": [labels[index] for index in top],
        "p": [round(value, 5) for value in p.tolist()],
        "logits_first8": [round(value, 4) for value in z[:8].tolist()],
    }
write("resnet50-a-samples.json", rows)
