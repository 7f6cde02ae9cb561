"""PyTorch's side of bench/gradients.mjs and bench/training.mjs: ResNet-20 with random weights, timed on command.

    python resnet20.py CIFAR10_TRAIN_BIN THREADS [contiguous|channels_last]

Reads one command a line ("WHAT COUNT ...") and answers one JSON object a line: {"what", "samples", "seconds", "cpu"}.
Commands: train STEPS BATCH, rows BATCH RUNS, vmap CHUNK RUNS, single RUNS, quit. Speed does not depend on the weights.
"""

import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

MEAN = torch.tensor([0.4914, 0.4822, 0.4465]).view(1, 3, 1, 1)
STD = torch.tensor([0.2023, 0.1994, 0.201]).view(1, 3, 1, 1)


class Block(nn.Module):
    def __init__(self, inner, outer, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outer)
        self.shortcut = (
            nn.Identity()
            if stride == 1
            else nn.Sequential(nn.Conv2d(inner, outer, 1, stride, bias=False), nn.BatchNorm2d(outer))
        )

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        widths = [(16, 16, 1), (16, 16, 1), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 64, 1)]
        self.blocks = nn.Sequential(*[Block(*w) for w in widths])
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        y = self.blocks(F.relu(self.bn1(self.conv1(x))))
        return self.fc(y.mean((2, 3)))


class Pictures:
    def __init__(self, path):
        raw = np.fromfile(path, np.uint8).reshape(-1, 3073)
        self.labels = torch.from_numpy(raw[:, 0].astype(np.int64))
        self.pixels = torch.from_numpy(raw[:, 1:].reshape(-1, 3, 32, 32).copy())

    def batch(self, picks, augment):
        x = (self.pixels[picks].float() / 255 - MEAN) / STD
        if not augment:
            return x, self.labels[picks]
        n = len(picks)
        padded = F.pad(self.pixels[picks], (4, 4, 4, 4))
        down, right = torch.randint(0, 9, (n, 1)), torch.randint(0, 9, (n, 1))
        steps = torch.arange(32).view(1, 32)
        columns = right + torch.where(torch.rand(n, 1) < 0.5, steps, 31 - steps)
        cut = padded[torch.arange(n)[:, None, None], :, (down + steps)[:, :, None], columns[:, None, :]]
        return (cut.permute(0, 3, 1, 2).float() / 255 - MEAN) / STD, self.labels[picks]


class Bench:
    def __init__(self, path, layout):
        torch.manual_seed(1)
        self.data = Pictures(path)
        self.format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        self.model = ResNet20().to(memory_format=self.format)
        self.optimizer = torch.optim.SGD(self.model.parameters(), 0.01, momentum=0.9)
        self.frozen = ResNet20().eval().to(memory_format=self.format)
        for name, parameter in self.frozen.named_parameters():
            parameter.requires_grad_(parameter.dim() > 1 and "shortcut" not in name)
        self.trained = {n: p.detach() for n, p in self.frozen.named_parameters() if p.requires_grad}
        self.rest = {n: p.detach() for n, p in self.frozen.named_parameters() if not p.requires_grad}
        self.rest.update(dict(self.frozen.named_buffers()))

    def draw(self, count, augment=False):
        x, labels = self.data.batch(torch.randint(0, len(self.data.labels), (count,)), augment)
        return x.contiguous(memory_format=self.format), labels

    def train(self, steps, batch):
        self.model.train()
        total = 0.0
        for _ in range(steps):
            x, labels = self.draw(batch, True)
            self.optimizer.zero_grad()
            loss = F.cross_entropy(self.model(x), labels)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return steps * batch

    def rows(self, batch, runs):
        for _ in range(runs):
            x, labels = self.draw(batch)
            loss = F.cross_entropy(self.frozen(x), labels)
            np.concatenate([g.numpy().ravel() for g in torch.autograd.grad(loss, [p for p in self.frozen.parameters() if p.requires_grad])])
        return batch * runs

    def single(self, runs):
        return self.rows(1, runs)

    def vmap(self, chunk, runs):
        def loss(trained, x, label):
            y = torch.func.functional_call(self.frozen, (trained, self.rest), (x[None],))
            return F.cross_entropy(y, label[None])

        each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
        for _ in range(runs):
            x, labels = self.draw(chunk)
            gradients = each(self.trained, x, labels)
            torch.cat([g.reshape(chunk, -1) for g in gradients.values()], 1)
        return chunk * runs


def main():
    torch.set_num_threads(int(sys.argv[2]))
    bench = Bench(sys.argv[1], sys.argv[3] if len(sys.argv) > 3 else "contiguous")
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    for line in sys.stdin:
        what, *counts = line.split()
        if what == "quit":
            return
        started, cpu = time.perf_counter(), time.process_time()
        samples = getattr(bench, what)(*map(int, counts))
        took = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu}
        print(json.dumps({"what": what, "samples": samples, **took}), flush=True)


main()
