"""The checks of lesson 04 on answers that no bank holds: right ones in other styles, wrong ones.

``tests/test_checks.py`` tests banks and references. Here are cells as learners write them, each
defining ``f`` with the earlier functions of the lesson at hand.
"""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.checks import batch_norm as check
from helpers.checks.batch_norm import _BACKWARD_CALLS, _PARTS, _measured, _near
from helpers.pytorch import batch_norm as reference

EXERCISES = check.lesson.exercises


def run(cell):
    """What the cell defines as ``f``."""
    names = {name: value for name, value in vars(reference).items() if name[0] != "_"}
    names |= {"torch": torch, "nn": nn, "F": F, "np": np}
    exec(cell, names)
    return names["f"]


RIGHT = {
    "batch_norm_train": [
        """
def f(x, gamma, beta, eps=1e-5):
    shape = x.shape
    if x.ndim == 4:
        x = x.permute(0, 2, 3, 1).reshape(-1, shape[1])
    m = x.mean(0)
    v = x.var(0, correction=0)
    y = gamma * (x - m) / (v + eps) ** 0.5 + beta
    if len(shape) == 4:
        n, c, h, w = shape
        y = y.reshape(n, h, w, c).permute(0, 3, 1, 2)
    return y
""",
        """
def f(x, gamma, beta, eps=1e-5):
    t = x.transpose(0, 1)
    flat = t.reshape(x.shape[1], -1)
    sd, m = torch.std_mean(flat, dim=1, correction=0, keepdim=True)
    z = (flat - m) / torch.sqrt(sd * sd + eps)
    z = gamma[:, None] * z + beta[:, None]
    return z.reshape(t.shape).transpose(0, 1)
""",
        """
def f(x, gamma, beta, eps=1e-5):
    y = F.group_norm(x.transpose(0, 1).reshape(1, x.shape[1], -1), x.shape[1], gamma, beta, eps)
    return y.reshape(x.transpose(0, 1).shape).transpose(0, 1)
""",
        """
def f(x, gamma, beta, eps=1e-5):
    axes = tuple(i for i in range(x.ndim) if i != 1)
    m = x.mean(axes, keepdims=True)
    v = x.square().mean(axes, keepdims=True) - m.square()
    while gamma.ndim < x.ndim - 1:
        gamma, beta = gamma.unsqueeze(-1), beta.unsqueeze(-1)
    x = x - m
    x = x / (v + eps).sqrt()
    x = x * gamma
    x = x + beta
    return x
""",
        """
def f(x, gamma, beta, eps=1e-5):
    layer = (
        nn.BatchNorm1d(x.shape[1], eps=eps)
        if x.ndim == 2
        else nn.BatchNorm2d(x.shape[1], eps=eps)
    )
    return torch.func.functional_call(layer, {"weight": gamma, "bias": beta}, (x,))
""",
    ],
    "update_running_stats": [
        """
def f(running_mean, running_var, x, momentum=0.1):
    layer = (
        nn.BatchNorm1d(x.shape[1], momentum=momentum)
        if x.ndim == 2
        else nn.BatchNorm2d(x.shape[1], momentum=momentum)
    )
    layer.running_mean, layer.running_var = running_mean.clone(), running_var.clone()
    layer(x)
    return layer.running_mean, layer.running_var
""",
        """
@torch.inference_mode()
def f(running_mean, running_var, x, momentum=0.1):
    xs = x.transpose(0, 1).reshape(x.shape[1], -1)
    var, mean = torch.var_mean(xs, 1)
    return [torch.lerp(running_mean, mean, momentum), torch.lerp(running_var, var, momentum)]
""",
        """
def f(running_mean, running_var, x, momentum=0.1):
    means, variances = [], []
    for c in range(x.shape[1]):
        v = x[:, c].flatten().tolist()
        m = sum(v) / len(v)
        s = sum((a - m) ** 2 for a in v) / (len(v) - 1)
        means.append((1 - momentum) * running_mean[c].item() + momentum * m)
        variances.append((1 - momentum) * running_var[c].item() + momentum * s)
    return torch.tensor(means), torch.tensor(variances)
""",
        """
def f(running_mean, running_var, x, momentum=0.1):
    a = np.moveaxis(x.detach().numpy(), 1, 0).reshape(x.shape[1], -1)
    return (
        torch.from_numpy((1 - momentum) * running_mean.numpy() + momentum * a.mean(1)),
        torch.from_numpy((1 - momentum) * running_var.numpy() + momentum * a.var(1, ddof=1)),
    )
""",
    ],
    "batch_norm_eval": [
        """
def f(x, running_mean, running_var, gamma, beta, eps=1e-5):
    w = torch.diag(gamma / torch.sqrt(running_var + eps))
    b = beta - w @ running_mean
    if x.ndim == 2:
        return F.linear(x, w, b)
    return F.conv2d(x, w[:, :, None, None], b)
""",
        """
def f(x, running_mean, running_var, gamma, beta, eps=1e-5):
    t = x.transpose(1, -1)
    t = (t - running_mean) / (running_var + eps).pow(0.5) * gamma + beta
    return t.transpose(1, -1)
""",
        """
def f(x, running_mean, running_var, gamma, beta, eps=1e-5):
    layer = (nn.BatchNorm1d if x.ndim == 2 else nn.BatchNorm2d)(x.shape[1], eps).eval()
    layer.running_mean.copy_(running_mean)
    layer.running_var.copy_(running_var)
    return torch.func.functional_call(layer, dict(weight=gamma, bias=beta), (x,))
""",
    ],
    "BatchNorm": [
        """
f = nn.BatchNorm2d
""",
        """
import functools

f = functools.partial(nn.BatchNorm2d)
""",
        """
class f(torch.nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super(f, self).__init__()
        self.register_parameter("weight", nn.Parameter(torch.full((num_features,), 1.0)))
        self.register_parameter("bias", nn.Parameter(torch.full((num_features,), 0.0)))
        self.register_buffer("num_batches_tracked", torch.zeros((), dtype=torch.int64))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.m, self.e = momentum, eps

    def forward(self, x):
        N, C, H, W = x.shape
        flat = x.permute(1, 0, 2, 3).reshape(C, -1)
        if not self.training:
            m, v = self.running_mean[:, None], self.running_var[:, None]
        else:
            v, m = torch.var_mean(flat, 1, unbiased=False, keepdim=True)
            self.running_mean.data.lerp_(m.detach()[:, 0], self.m)
            self.running_var.data.lerp_(flat.detach().var(1), self.m)
            self.num_batches_tracked.add_(1)
        y = self.weight[:, None] * (flat - m) / (v + self.e) ** 0.5 + self.bias[:, None]
        return y.reshape(C, N, H, W).permute(1, 0, 2, 3)
""",
        """
class f(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0.0))

    def forward(self, x):
        axes = (0, 2, 3)
        if self.training:
            if x.numel() // x.shape[1] < 2:
                raise ValueError("one value")
            mean, var = x.mean(axes, keepdim=True), x.var(axes, keepdim=True, correction=0)
            n = x.numel() // x.shape[1]
            self.running_mean = (
                self.momentum * mean.detach().flatten()
                + (1 - self.momentum) * self.running_mean
            )
            self.running_var = (
                self.momentum * var.detach().flatten() * n / (n - 1)
                + (1 - self.momentum) * self.running_var
            )
            self.num_batches_tracked = self.num_batches_tracked + 1
        else:
            mean, var = (
                self.running_mean.reshape(1, -1, 1, 1),
                self.running_var.reshape(1, -1, 1, 1),
            )
        return self.weight.reshape(1, -1, 1, 1) * (x - mean) * (
            var + self.eps
        ) ** -0.5 + self.bias.reshape(1, -1, 1, 1)
""",
        """
class f(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.inner = [nn.BatchNorm2d(num_features, eps, momentum)]
        self.weight, self.bias = self.inner[0].weight, self.inner[0].bias
        self.register_buffer("running_mean", self.inner[0].running_mean)
        self.register_buffer("running_var", self.inner[0].running_var)
        self.register_buffer("num_batches_tracked", self.inner[0].num_batches_tracked)

    def forward(self, x):
        return self.inner[0].train(self.training)(x)
""",
    ],
    "batch_norm_backward": [
        """
def f(dy, x, gamma, eps=1e-5):
    shape4 = x.shape
    if x.ndim == 4:
        dy = dy.permute(0, 2, 3, 1).reshape(-1, shape4[1])
        x = x.permute(0, 2, 3, 1).reshape(-1, shape4[1])
    N, D = x.shape
    mu = x.sum(0) / N
    xmu = x - mu
    sq = xmu**2
    var = sq.sum(0) / N
    sqrtvar = torch.sqrt(var + eps)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    dbeta = dy.sum(0)
    dgamma = (dy * xhat).sum(0)
    dxhat = dy * gamma
    divar = (dxhat * xmu).sum(0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / (sqrtvar**2) * divar
    dvar = 0.5 * 1.0 / torch.sqrt(var + eps) * dsqrtvar
    dsq = torch.ones_like(x) / N * dvar
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -1 * (dxmu1 + dxmu2).sum(0)
    dx2 = torch.ones_like(x) / N * dmu
    dx = dx1 + dx2
    if len(shape4) == 4:
        n, c, h, w = shape4
        dx = dx.reshape(n, h, w, c).permute(0, 3, 1, 2)
    return dx, dgamma, dbeta
""",
        """
def f(dy, x, gamma, eps=1e-5):
    x64, dy64, g64 = x.double(), dy.double(), gamma.double()
    axes = [a for a in range(x.ndim) if a != 1]
    sh = (1, -1) + (1,) * (x.ndim - 2)

    def loss(xx):
        m = xx.mean(axes, keepdim=True)
        v = xx.var(axes, correction=0, keepdim=True)
        return (dy64 * g64.reshape(sh) * (xx - m) / (v + eps).sqrt()).sum()

    dx = torch.zeros_like(x64)
    for i in range(x.numel()):
        e = torch.zeros_like(x64)
        e.view(-1)[i] = 1e-6
        dx.view(-1)[i] = (loss(x64 + e) - loss(x64 - e)) / 2e-6
    m = x64.mean(axes, keepdim=True)
    v = x64.var(axes, correction=0, keepdim=True)
    return dx.float(), (dy64 * (x64 - m) / (v + eps).sqrt()).sum(axes).float(), dy.sum(axes)
""",
        """
def f(dy, x, gamma, eps=1e-5):
    N = dy.new_tensor(x[:, 0].numel())
    g = torch.einsum("nc...->c", dy)
    mean = torch.einsum("nc...->c", x) / N
    xc = x - mean.view((1, -1) + (1,) * (x.ndim - 2))
    var = torch.einsum("nc...,nc...->c", xc, xc) / N
    inv = (var + eps) ** -0.5
    k = torch.einsum("nc...,nc...->c", dy, xc)
    dx = (
        torch.einsum("nc...,c->nc...", dy, gamma * inv)
        - (gamma * inv * g / N).view((1, -1) + (1,) * (x.ndim - 2))
        - torch.einsum("nc...,c->nc...", xc, gamma * inv**3 * k / N)
    )
    return dx, k * inv, g
""",
        """
def f(dy, x, gamma, eps=1e-5):
    axes = [a for a in range(x.ndim) if a != 1]
    sh = (1, -1) + (1,) * (x.ndim - 2)
    m = x.mean(axes)
    v = x.var(axes, correction=0)
    s = (v + eps).rsqrt()
    dx, dg, db = torch.ops.aten.native_batch_norm_backward(
        dy, x, gamma, None, None, m, s, True, eps, [True] * 3
    )
    return dx, dg, db
""",
    ],
    "add_batch_norm": [
        """
def f(conv_dim):
    net = plain_network(conv_dim)
    layers = []
    for layer in net:
        if isinstance(layer, nn.Conv2d):
            layer.bias = None
            layers += [layer, nn.BatchNorm2d(layer.out_channels)]
        else:
            layers.append(layer)
    return nn.Sequential(*layers)
""",
        """
def f(conv_dim):
    net = plain_network(conv_dim)
    net[0] = nn.Sequential(
        nn.Conv2d(1, conv_dim, 3, padding=1, bias=False), nn.BatchNorm2d(conv_dim)
    )
    net[2] = nn.Sequential(
        nn.Conv2d(conv_dim, 2 * conv_dim, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(2 * conv_dim),
    )
    return net
""",
        """
class Net(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(c, 1, 3, 3) * 0.1)
        self.w2 = nn.Parameter(torch.randn(2 * c, c, 4, 4) * 0.1)
        self.g1 = nn.Parameter(torch.ones(c))
        self.b1 = nn.Parameter(torch.zeros(c))
        self.g2 = nn.Parameter(torch.ones(2 * c))
        self.b2 = nn.Parameter(torch.zeros(2 * c))
        for n, k in (("1", c), ("2", 2 * c)):
            self.register_buffer("m" + n, torch.zeros(k))
            self.register_buffer("v" + n, torch.ones(k))
        self.w3 = nn.Parameter(torch.randn(10, 32 * c) * 0.1)
        self.b3 = nn.Parameter(torch.zeros(10))

    def forward(self, x):
        x = torch.conv2d(x, self.w1, padding=1)
        x = F.batch_norm(x, self.m1, self.v1, self.g1, self.b1, self.training).relu_()
        x = F.conv2d(x, self.w2, None, 2, 1)
        x = F.batch_norm(x, self.m2, self.v2, self.g2, self.b2, self.training).clamp_min(0)
        return x.flatten(1) @ self.w3.t() + self.b3


f = Net
""",
        """
class Net(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a = nn.Conv2d(1, c, 3, padding=1, bias=False)
        self.an = nn.BatchNorm2d(c)
        self.b = nn.Conv2d(c, 2 * c, 4, stride=2, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(2 * c)
        self.fc = nn.Linear(32 * c, 10)

    def forward(self, x):
        x = torch.maximum(self.an(self.a(x)), torch.tensor(0.0))
        x = self.bn(self.b(x))
        x = x * (x > 0)
        return self.fc(x.permute(0, 2, 3, 1).flatten(1))


def f(conv_dim):
    return Net(conv_dim)
""",
        """
def f(conv_dim):
    return nn.Sequential(
        nn.ZeroPad2d(1),
        nn.Conv2d(1, conv_dim, 3, bias=False),
        nn.BatchNorm2d(conv_dim),
        nn.ReLU(),
        nn.ZeroPad2d(1),
        nn.Conv2d(conv_dim, conv_dim * 2, 4, 2, bias=False),
        nn.BatchNorm2d(conv_dim * 2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(conv_dim * 2 * 16, 10),
    )
""",
    ],
    "classify_one_by_one": [
        """
def f(network, images):
    mode = network.training
    network.eval()
    out = torch.cat([network(b).argmax(-1) for b in images.split(1)])
    network.train(mode)
    return out
""",
        """
def f(network, images):
    import copy

    net = copy.deepcopy(network)
    net.eval()
    return torch.tensor([net(i[None]).detach().numpy().argmax() for i in images])
""",
        """
def f(network, images):
    if network.training:
        network.eval()
        try:
            return f(network, images)
        finally:
            network.train()
    with torch.no_grad():
        return torch.tensor([int(network(i[None]).squeeze().argmax()) for i in images])
""",
        """
def f(network, images):
    was = network.training
    network.eval()
    before = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    out = torch.hstack([torch.softmax(network(i[None]), 1).argmax(1) for i in images])
    torch.set_grad_enabled(before)
    network.train(was)
    return out
""",
    ],
}


# An answer as the lesson's solution has it, and pieces of it that a learner gets wrong: the text
# that the check has to find for it, where no bank holds it.
TRAIN = """
def f(x, gamma, beta, eps=1e-5):
    axes = [axis for axis in range(x.ndim) if axis != 1]
    shape = [1, -1] + [1] * (x.ndim - 2)
    mean = x.mean(axes, keepdim=True)
    var = x.var(axes, keepdim=True, correction=0)
    z = (x - mean) / torch.sqrt(var + eps)
    return gamma.reshape(shape) * z + beta.reshape(shape)
"""
UPDATE = """
def f(running_mean, running_var, x, momentum=0.1):
    axes = [axis for axis in range(x.ndim) if axis != 1]
    mean, var = x.detach().mean(axes), x.detach().var(axes)
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * var
    return new_mean, new_var
"""
EVAL = """
def f(x, running_mean, running_var, gamma, beta, eps=1e-5):
    shape = [1, -1] + [1] * (x.ndim - 2)
    m, v, g, b = (each.reshape(shape) for each in (running_mean, running_var, gamma, beta))
    return g * (x - m) / torch.sqrt(v + eps) + b
"""
LAYER = """
class f(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            y = batch_norm_train(x, self.weight, self.bias, self.eps)
            self.running_mean, self.running_var = update_running_stats(mean, var, x, self.momentum)
            self.num_batches_tracked += 1
            return y
        return batch_norm_eval(x, mean, var, self.weight, self.bias, self.eps)
"""
BACKWARD = """
def f(dy, x, gamma, eps=1e-5):
    axes = [axis for axis in range(x.ndim) if axis != 1]
    shape = [1, -1] + [1] * (x.ndim - 2)
    std = torch.sqrt(x.var(axes, keepdim=True, correction=0) + eps)
    z = (x - x.mean(axes, keepdim=True)) / std
    dbeta = dy.sum(axes)
    dgamma = (dy * z).sum(axes)
    dz = dy * gamma.reshape(shape)
    dx = (dz - dz.mean(axes, keepdim=True) - z * (dz * z).mean(axes, keepdim=True)) / std
    return dx, dgamma, dbeta
"""
NETWORK = """
def f(conv_dim):
    c = conv_dim
    return nn.Sequential(
        nn.Conv2d(1, c, 3, padding=1, bias=False),
        nn.BatchNorm2d(c),
        nn.ReLU(),
        nn.Conv2d(c, 2 * c, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(2 * c),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * c, 10),
    )
"""
CLASSIFY = """
def f(network, images):
    was_training = network.training
    network.eval()
    found = []
    for image in images:
        found.append(network(image[None]).argmax(1))
    network.train(was_training)
    return torch.cat(found)
"""
CELLS = {
    "batch_norm_train": TRAIN,
    "update_running_stats": UPDATE,
    "batch_norm_eval": EVAL,
    "BatchNorm": LAYER,
    "batch_norm_backward": BACKWARD,
    "add_batch_norm": NETWORK,
    "classify_one_by_one": CLASSIFY,
}
MEAN, VAR = "dz.mean(axes, keepdim=True)", "z * (dz * z).mean(axes, keepdim=True)"
WRONG = [
    ("batch_norm_train", "(x - mean)", "(mean - x)", "All are -1 times the right ones"),
    ("batch_norm_train", "var + eps", "var - eps", "at index (3, 1) yours is"),
    ("batch_norm_train", " + beta.reshape(shape)", " - beta.reshape(shape)", "eps=0.1) with x of"),
    ("batch_norm_train", "return gamma", "return gamma.detach()", "flows back to gamma"),
    ("batch_norm_train", "x.ndim)", "min(3, x.ndim))", "one image, x of shape (1, 2, 3, 2)"),
    ("update_running_stats", "new_mean, new_var\n", "new_mean\n", "is a tensor of shape (2,)"),
    ("update_running_stats", "return new_mean, new_var", "", "is None. The function has to end"),
    ("update_running_stats", "* var", "* var * 1.1", "The new variance of"),
    ("update_running_stats", "* mean", "* mean**2", "The new mean of"),
    ("update_running_stats", "return new_mean, new_var", "return new_mean.numpy(), new_var.numpy()",
     "a NumPy array of shape (2,)"),
    ("batch_norm_eval", "+ b", "- b", "at index"),
    ("batch_norm_eval", "g * (x", "g.detach() * (x", "flows back to gamma"),
    ("batch_norm_eval", "(x - m)", "(x - x.mean())", "one example"),
    ("BatchNorm", "def forward", "def __call__", "Name the method `forward`"),
    ("BatchNorm", "def forward", "def foward", 'missing the required "forward"'),
    ("BatchNorm", "if self.training", "if len(x) > 1", "in eval mode of BatchNorm(2)"),
    ("BatchNorm", 'mean", torch.zeros(num_features)', 'mean", torch.zeros(1)', "shapes in"),
    ("BatchNorm", "torch.tensor(0)", "torch.tensor(1)", "should be 3, yours returned 4"),
    ("BatchNorm", "(nn.Module)", "", "no attribute 'register_buffer'"),
    ("BatchNorm", "        super().__init__()", "", "before Module.__init__() call"),
    ("BatchNorm", "(torch.ones(num_features))", "(torch.ones(num_features), requires_grad=False)",
     "requires_grad=False"),
    ("BatchNorm", "        return batch_norm_eval", "        self.num_batches_tracked += 1\n"
     "        return batch_norm_eval", "Eval mode changes num_batches_tracked"),
    ("BatchNorm", "eps=1e-5", "eps=1e-3", "BatchNorm(2), eps and momentum as they are by default"),
    ("batch_norm_backward", "return dx, dgamma, dbeta", "return dx, dgamma", "is a tuple of 2"),
    ("batch_norm_backward", MEAN, "dz.mean()", "in dx; dgamma and dbeta are right. Adding a const"),
    ("batch_norm_backward", VAR, f"2 * {VAR}", "in dx; dgamma and dbeta are right. It differs"),
    ("batch_norm_backward", ") / std\n    return", ") / std**3\n    return",
     "in dx; dgamma and dbeta are right. It sums to 0"),
    ("batch_norm_backward", "(dy * z).sum(axes)", "(dy * z).sum()", "dgamma has shape ()"),
    ("batch_norm_backward", "dy.sum(axes)", "-dy.sum(axes)", "in dbeta; dx and dgamma are right"),
    ("add_batch_norm", "nn.ReLU(),\n        nn.C", "nn.ELU(),\n        nn.C", "activation is ELU"),
    ("add_batch_norm", "nn.BatchNorm2d(c),\n        nn.ReLU(),",
     "nn.ReLU(),\n        nn.BatchNorm2d(c),", "Between convolution 1 and convolution 2 ReLU"),
    ("add_batch_norm", "32 * c, 10)", "32 * c, 10), nn.Sigmoid()", "something changes the logits"),
    ("add_batch_norm", "nn.Conv2d(1", "nn.ReLU(), nn.Conv2d(1", "changes the images"),
    ("add_batch_norm", "d(2 * c)", "d(2 * c, affine=False)", "Yours hold 1291: 27 + 3 + 3 + 288"),
    ("add_batch_norm", "nn.BatchNorm2d(c)", "nn.BatchNorm2d(c, momentum=0.5)", "in eval mode"),
    ("add_batch_norm", "nn.BatchNorm2d(c)", "nn.BatchNorm2d(c, track_running_stats=False)",
     "In eval mode an image is still normalised by its own statistics"),
    ("add_batch_norm", "nn.BatchNorm2d(c)", "nn.BatchNorm2d(c).eval()", "Leave out `.eval()`"),
    ("add_batch_norm", "c = conv_dim", "c = 3", "add_batch_norm(2)"),
    ("add_batch_norm", "return nn.Sequential", "return ", "returned a tuple, not a network"),
    ("classify_one_by_one", "image[None]", "image[:, None]", "It wants a batch, even of one"),
    ("classify_one_by_one", "image[None]", "images", "yours returned (12, 12"),
    ("classify_one_by_one", "network.eval()", "network.layers[1].momentum = 0.5; network.eval()",
     "has another momentum than before"),
    ("classify_one_by_one", "cat(found)", "cat(found).numpy()", "a NumPy array of shape (12,)"),
    ("classify_one_by_one", "for image in images", "for image in images[1:]", "sizes of the"),
]  # fmt: skip


@pytest.mark.parametrize("name", EXERCISES)
def test_right_answers_in_other_styles_pass(name):
    for cell in (CELLS[name], *RIGHT[name]):
        outcome = EXERCISES[name].grade(run(cell))
        assert outcome.status == "passed", f"{cell}\n{outcome}"


@pytest.mark.parametrize(("name", "right", "wrong", "told"), WRONG)
def test_wrong_answers_of_no_bank_are_refused_with_a_clue(name, right, wrong, told):
    assert right in CELLS[name]
    outcome = EXERCISES[name].grade(run(CELLS[name].replace(right, wrong)))
    assert outcome.status == "failed"
    assert told in outcome.message, outcome
    assert "check itself" not in outcome.message


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize("error", [RuntimeError, ValueError, TypeError, IndexError])
def test_any_error_is_no_banked_mistake(name, error):
    def attempt(*args, **kwargs):
        raise error("something else")

    outcome = EXERCISES[name].grade(attempt)
    assert (outcome.status, outcome.mistake) == ("failed", None)
    assert f"raised {error.__name__}: something else at `raise error(" in outcome.message


def test_stubs_of_a_class_are_not_attempted_until_something_is_done():
    class Stub(nn.Module):
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            super().__init__()
            raise NotImplementedError

        def forward(self, x):
            raise NotImplementedError

    class HalfWay(Stub):
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            nn.Module.__init__(self)
            self.weight = nn.Parameter(torch.ones(num_features))
            self.bias = nn.Parameter(torch.zeros(num_features))

    assert check.BatchNorm.grade(Stub).status == "not attempted"
    outcome = check.BatchNorm.grade(HalfWay)
    assert outcome.status == "failed"
    assert "still reaches `raise NotImplementedError`" in outcome.message


def test_a_layer_instead_of_its_class_is_named():
    outcome = check.BatchNorm.grade(reference.BatchNorm(3))
    assert "pass the class, without calling it" in outcome.message


@pytest.mark.parametrize("slug", check.batch_norm_backward.mistakes)
def test_each_backward_diagnosis_names_what_finite_differences_find_wrong(slug):
    mistake = check.batch_norm_backward.mistakes[slug]
    wrong = set()
    for number, call in enumerate(_BACKWARD_CALLS):
        measured = _measured(number)
        try:
            found = mistake.wrong(**call.fresh(), **call.options)
        except (IndexError, RuntimeError):
            wrong |= set(_PARTS)
            continue
        pairs = zip(_PARTS, found, strict=True)
        wrong |= {name for name, value in pairs if not _near(value, measured[name])}
    for name in wrong:
        assert name in mistake.diagnosis


def test_finite_differences_agree_with_the_reference():
    for number, call in enumerate(_BACKWARD_CALLS):
        found = reference.batch_norm_backward(**call.fresh(), **call.options)
        for name, value in zip(_PARTS, found, strict=True):
            assert _near(value, _measured(number)[name])
            torch.testing.assert_close(
                value.double(), _measured(number)[name], rtol=1e-4, atol=1e-4
            )


def test_the_references_answer_every_question():
    for exercise in EXERCISES.values():
        for label, answer in exercise._reference_answers.items():
            assert answer.raised is None, f"{label}: {answer.raised}"


def test_gradients_switched_off_in_the_notebook_refuse_no_right_answer():
    with torch.no_grad():
        for name, cell in CELLS.items():
            assert EXERCISES[name].grade(run(cell)).status == "passed"


def test_the_random_numbers_of_the_notebook_stay_as_they_were():
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    for name in ("batch_norm_train", "batch_norm_backward", "classify_one_by_one"):
        EXERCISES[name].grade(run(CELLS[name]))
    assert torch.equal(torch.rand(3), expected)


def test_the_checks_load_no_tensorflow():
    code = (
        "import sys, helpers.checks.batch_norm; "
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0
