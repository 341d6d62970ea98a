"""Writes family.json: logits and receptive fields of dilated, anti-aliased, tiered, wide, grouped and plain networks, by timm.

    pip install torch timm
    python tests/golden/family.py

Weights are those of synthetic.py, so that no file of weights is needed; 10 classes, and narrow networks where timm can build them, so that
the test is quick. What timm cannot build is changed after it was built: the stride of A, and GluonCV's shortcut without a pooling in
dilated stages (`gluoncv/model_zoo/resnetv1b.py`: `AvgPool2D(pool_size=1, strides=1)`; OpenMMLab's `ResLayer` does the same).

A receptive field is measured, not computed: in the same modules with one channel, positive weights, no normalisation, no ReLU and a mean in
place of the maximum, the extent of the input positions that a unit in the middle of the last block's output moves with, in float64.
"""
import copy
import json
from importlib.metadata import version
from pathlib import Path

import timm
import torch
from timm.layers import BlurPool2d
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from torch import nn

from synthetic import fill, unit

CLASSES = 10
# Larger than every field below.
FIELD_SIZE = 1601
NARROW = (16, 32, 64, 128)


def named(name, stride=32, **options):
    return timm.create_model(name, num_classes=CLASSES, output_stride=stride, **options)


def narrow(block, layers, letter, stride=32, width=16, **options):
    """C, D, S or T with a first stage `width` wide; timm builds a narrow network only with a stem of three convolutions."""
    channels = tuple(width << stage for stage in range(4))
    stem = "deep_tiered" if letter == "t" else "deep"
    options.setdefault("stem_width", width if letter == "s" else width // 2)
    return ResNet(block, layers, CLASSES, output_stride=stride, channels=channels, stem_type=stem, avg_down=letter in "dt", **options)


def stride_on_conv1(model):
    """A: the stride on the first 1x1."""
    for layer in (model.layer2, model.layer3, model.layer4):
        layer[0].conv1.stride, layer[0].conv2.stride = layer[0].conv2.stride, (1, 1)
    return model


def without_pooling(model):
    """GluonCV's dilated D and T: no pooling where there is no stride."""
    for layer in (model.layer2, model.layer3, model.layer4):
        if layer[0].stride == 1:
            layer[0].downsample[0] = nn.AvgPool2d(1, 1)
    return model


R18, R34, R14 = (2, 2, 2, 2), (3, 4, 6, 3), (1, 1, 1, 1)
AVG, BLUR = nn.AvgPool2d, BlurPool2d
CASES = [
    ("resnet18-b", 97, lambda: named("resnet18")),
    ("resnet18-b.os8", 97, lambda: named("resnet18", 8)),
    ("resnet18-b.os16", 129, lambda: named("resnet18", 16)),
    ("resnet34-b.os8", 97, lambda: named("resnet34", 8)),
    ("resnet34-b.os16", 97, lambda: named("resnet34", 16)),
    ("resnet18-d.os8", 97, lambda: named("resnet18d", 8)),
    ("resnet18-d.os16", 161, lambda: named("resnet18d", 16)),
    ("resnet34-d.os8", 97, lambda: named("resnet34d", 8)),
    ("resnet50-b.os8", 97, lambda: named("resnet50", 8)),
    ("resnet50-b.os16", 129, lambda: named("resnet50", 16)),
    ("resnet50-d.os8", 97, lambda: named("resnet50d", 8)),
    ("resnet50-d.os16", 161, lambda: named("resnet50d", 16)),
    ("resnet50-a.os16", 97, lambda: stride_on_conv1(named("resnet50", 16))),
    ("resnext50_32x4d-b.os8", 97, lambda: named("resnext50_32x4d", 8)),
    ("wide_resnet50_2-b.os16", 97, lambda: named("wide_resnet50_2", 16)),
    ("resnetaa50-b", 97, lambda: named("resnetaa50")),
    ("resnetaa50-d", 129, lambda: named("resnetaa50d")),
    ("resnetaa50-d.os8", 97, lambda: named("resnetaa50d", 8)),
    ("resnetblur50-b", 101, lambda: named("resnetblur50")),
    ("resnetblur50-b.os16", 97, lambda: named("resnetblur50", 16)),
    ("resnet26-t", 97, lambda: named("resnet26t")),
    ("resnet26-t.blocks1-1-1-1", 129, lambda: named("resnet14t")),
    ("resnet26-t.blocks1-1-1-1.os8", 97, lambda: named("resnet14t", 8)),
    ("resnet18-t.blocks1-1-1-1", 97, lambda: named("resnet10t")),
    ("resnet34-d.width16.os8", 161, lambda: narrow(BasicBlock, R34, "d", 8)),
    ("resnet34-d.width16.os16", 129, lambda: narrow(BasicBlock, R34, "d", 16)),
    ("resnet34-c.width16.os8", 129, lambda: narrow(BasicBlock, R34, "c", 8)),
    ("resnet50-d.width16.os8", 129, lambda: narrow(Bottleneck, R34, "d", 8)),
    ("resnet50-t.width16.os16", 161, lambda: narrow(Bottleneck, R34, "t", 16)),
    ("resnet50-s.width16.os8", 129, lambda: narrow(Bottleneck, R34, "s", 8)),
    ("resnet18-d.width16.aa-blur.os8", 129, lambda: narrow(BasicBlock, R18, "d", 8, aa_layer=BLUR)),
    ("resnet18-d.width16.aa-avgpool.os16", 97, lambda: narrow(BasicBlock, R18, "d", 16, aa_layer=AVG)),
    ("resnet50-d.width16.aa-blur", 161, lambda: narrow(Bottleneck, R34, "d", aa_layer=BLUR)),
    ("resnext50_32x4d-d.width16.wpg16.os8", 97, lambda: narrow(Bottleneck, R34, "d", 8, cardinality=32, base_width=16)),
    # Widths that 4 does not divide.
    ("resnet26-t.width20.stemwidth10", 97, lambda: narrow(Bottleneck, R18, "t", width=20)),
    ("resnet26-t.width36.stemwidth18.os16", 97, lambda: narrow(Bottleneck, R18, "t", 16, width=36)),
    ("resnet18-t.width12.stemwidth6", 129, lambda: narrow(BasicBlock, R18, "t", width=12)),
    ("resnet50-d.os8.dilatedpool-none", 97, lambda: without_pooling(named("resnet50d", 8))),
    ("resnet34-d.width16.os8.dilatedpool-none", 129, lambda: without_pooling(narrow(BasicBlock, R34, "d", 8))),
    ("resnet50-t.width16.os16.dilatedpool-none", 97, lambda: without_pooling(narrow(Bottleneck, R34, "t", 16))),
]


def one_channel(module):
    """The same windows with one channel and positive weights, in float64."""
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d):
            window = {"stride": child.stride, "padding": child.padding, "dilation": child.dilation, "bias": False}
            conv = nn.Conv2d(1, 1, child.kernel_size, dtype=torch.float64, **window)
            nn.init.constant_(conv.weight, 1 / conv.weight.numel())
            setattr(module, name, conv)
        elif isinstance(child, (nn.BatchNorm2d, nn.ReLU)):
            setattr(module, name, nn.Identity())
        elif isinstance(child, nn.MaxPool2d):
            setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
        elif isinstance(child, BlurPool2d):
            setattr(module, name, BlurPool2d(1, stride=child.stride, dtype=torch.float64))
        else:
            one_channel(child)


def field(model):
    """Pixels along each axis that a unit in the middle of the last block's output moves with."""
    model = copy.deepcopy(model)
    one_channel(model)
    x = torch.zeros(1, 1, FIELD_SIZE, FIELD_SIZE, dtype=torch.float64, requires_grad=True)
    y = model.forward_features(x)
    y[0, 0, y.shape[2] // 2, y.shape[3] // 2].backward()
    rows, columns = (x.grad[0, 0].abs().sum(axis).nonzero().flatten() for axis in (1, 0))
    extents = {int(axis[-1] - axis[0] + 1) for axis in (rows, columns)}
    assert len(extents) == 1 and 0 < int(rows[0]) and int(rows[-1]) < FIELD_SIZE - 1, "the input is too small"
    return extents.pop()


def main():
    cases = []
    for net, size, build in CASES:
        model = build().eval()
        fill(model)
        x = torch.from_numpy(2 * (2 * unit("input", 3 * size * size) - 1)).float().reshape(1, 3, size, size)
        with torch.no_grad():
            logits = model(x)[0].double()
        case = {"net": net, "size": size, "field": field(model), "logits": [round(value, 6) for value in logits.tolist()]}
        cases.append(case)
        print(net, size, case["field"], case["logits"][:3], flush=True)
    versions = {tool: version(tool) for tool in ("torch", "timm")}
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    text = f'{{"versions":{json.dumps(versions)},\n"cases":[\n{lines}\n]}}\n'
    Path(__file__).with_name("family.json").write_text(text)


if __name__ == "__main__":
    main()
