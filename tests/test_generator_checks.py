"""The checks of lesson 06 on answers that no bank holds: right ones in other styles, wrong ones.

``tests/test_checks.py`` tests banks and references. Here are cells as learners write them.
"""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from helpers import conv_shapes
from helpers.checks import generator as check
from helpers.pytorch import generator as reference

NAMES = [
    "deconv_block",
    "Generator",
    "generator_parameter_count",
    "init_weights",
    "generator_loss",
]
EXERCISES = {name: check.lesson.exercises[name] for name in NAMES}


def run(name, cell):
    """What the cell defines under the exercise's name."""
    names = {"torch": torch, "nn": nn, "F": F, "np": np, "deconv_block": reference.deconv_block}
    exec(cell, names)
    return names[name]


BLOCK = """
def deconv_block(in_channels, out_channels):
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )
"""
GENERATOR = """
class Generator(nn.Module):
    def __init__(self, latent_dim=100, conv_dim=32):
        super().__init__()
        self.c = conv_dim
        self.dense = nn.Linear(latent_dim, 4 * conv_dim * 4 * 4, bias=False)
        self.norm = nn.BatchNorm2d(4 * conv_dim)
        self.block1 = deconv_block(4 * conv_dim, 2 * conv_dim)
        self.block2 = deconv_block(2 * conv_dim, conv_dim)
        self.image = nn.ConvTranspose2d(conv_dim, 3, 4, stride=2, padding=1)

    def forward(self, z):
        x = self.dense(z).reshape(len(z), 4 * self.c, 4, 4)
        x = F.relu(self.norm(x))
        x = self.block2(self.block1(x))
        return torch.tanh(self.image(x))
"""
COUNT = """
def generator_parameter_count(latent_dim=100, conv_dim=32):
    c = conv_dim
    dense = latent_dim * 4 * c * 4 * 4
    kernels = (4 * c * 2 * c + 2 * c * c + c * 3) * 4 * 4
    norms = 2 * (4 * c + 2 * c + c)
    return dense + kernels + norms + 3
"""
INIT = """
def init_weights(module):
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
"""
LOSS = """
def generator_loss(fake_logits):
    return F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))
"""
CELLS = dict(zip(NAMES, (BLOCK, GENERATOR, COUNT, INIT, LOSS), strict=True))

RIGHT = {
    "deconv_block": [
        BLOCK.replace("4, stride=2, padding=1", "2, stride=2"),
        BLOCK.replace("4, stride=2, padding=1", "(6, 4), stride=2, padding=(2, 1)"),
        BLOCK.replace("4, stride=2, padding=1", "3, 2, 1, output_padding=1"),
        BLOCK.replace("d(out_channels)", "d(out_channels, eps=1e-3, momentum=0.2)"),
        BLOCK.replace("d(out_channels)", "d(out_channels, momentum=None)"),
        BLOCK.replace("d(out_channels)", "d(out_channels, 0.8)"),
        """
class deconv_block(nn.Sequential):
    def __init__(self, in_channels, out_channels):
        super().__init__(nn.ConvTranspose2d(in_channels, out_channels, 4, 2, 1, bias=False))
        self.add_module("norm", nn.BatchNorm2d(out_channels))

    def forward(self, x):
        x = super().forward(x)
        return x * (x > 0)
""",
        """
class deconv_block(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.w = nn.Parameter(torch.randn(in_channels, out_channels, 4, 4) / 10)
        self.gamma = nn.Parameter(1 + torch.randn(out_channels) / 50)
        self.beta = nn.Parameter(torch.zeros(out_channels))
        self.register_buffer("mean", torch.zeros(out_channels))
        self.register_buffer("var", torch.ones(out_channels))

    def forward(self, x):
        x = torch.conv_transpose2d(x, self.w, None, 2, 1)
        x = F.batch_norm(x, self.mean, self.var, self.gamma, self.beta, self.training)
        return torch.maximum(x, torch.zeros(()))
""",
    ],
    "Generator": [
        GENERATOR.replace("reshape(len(z)", "view(-1"),
        GENERATOR.replace("BatchNorm2d(4 * conv_dim)", "BatchNorm2d(4 * conv_dim, 0.8)"),
        GENERATOR.replace("return torch.tanh(self.image(x))", "return self.image(x).tanh_()"),
        GENERATOR.replace("return torch.tanh(self.image(x))", "x = self.image(x)\n"
                          "        return 2 / (1 + torch.exp(-2 * x)) - 1"),
        GENERATOR.replace("stride=2, padding=1)", "stride=2, padding=1, bias=False)"),
        GENERATOR.replace("reshape(len(z), 4 * self.c, 4, 4)", "view(-1, 4, 4 * self.c, 4)\n"
                          "        x = x.transpose(1, 2)"),
        GENERATOR.replace("self.dense(z).reshape", "torch.einsum('nl,fl->nf', z, "
                          "self.dense.weight).reshape"),
        GENERATOR.replace("self.dense(z)", "(z @ self.dense.weight.T)"),
        GENERATOR.replace("F.relu(self.norm(x))", "self.norm(x).clamp_(min=0)"),
        GENERATOR.replace("self.dense(z)", "(self.dense.weight @ z.T).T"),
        GENERATOR.replace("def forward", "    nn.init.uniform_(self.norm.weight, 0.5, 1.5)\n"
                          "        nn.init.normal_(self.norm.bias)\n\n    def forward"),
        GENERATOR.replace("self.dense = ", "self.dense = nn.utils.parametrizations.weight_norm("
                          ).replace("4 * 4, bias=False)", "4 * 4, bias=False))"),
        GENERATOR.replace("self.dense = nn.Linear(latent_dim, 4 * conv_dim * 4 * 4, ",
                          "self.dense = nn.Conv2d(latent_dim, 64 * conv_dim, 1, ").replace(
                          "self.dense(z)", "self.dense(z[:, :, None, None])"),
        GENERATOR + """
def make(latent_dim=100, conv_dim=32, make=Generator):
    return make(latent_dim, conv_dim).to(memory_format=torch.channels_last)

Generator = make
""",
        """
def Generator(latent_dim=100, conv_dim=32):
    layers, width = [], 16 * conv_dim
    layers += [nn.Unflatten(1, (latent_dim, 1, 1)), nn.ConvTranspose2d(latent_dim, width, 4)]
    layers[-1].bias = None
    for _ in range(2):
        layers += [nn.BatchNorm2d(width), nn.ReLU(True)]
        layers += [nn.ConvTranspose2d(width, width // 4, 4, 2, 1, bias=False)]
        width //= 4
    layers += [nn.BatchNorm2d(width), nn.ReLU(True), nn.ConvTranspose2d(width, 3, 4, 2, 1)]
    return nn.Sequential(*layers, nn.Tanh())
""",
        """
class Generator(nn.Module):
    def __init__(self, latent_dim=100, conv_dim=32):
        super().__init__()
        c = conv_dim
        self.layers = nn.ModuleDict(
            {
                "dense": nn.Linear(latent_dim, 64 * c, bias=False),
                "norm": nn.BatchNorm1d(64 * c),
                "up": nn.ModuleList([deconv_block(4 * c, 2 * c), deconv_block(2 * c, c)]),
                "image": nn.ConvTranspose2d(c, 3, 5, 2, 2, output_padding=1),
            }
        )

    def forward(self, z):
        x = torch.relu(self.layers["norm"](self.layers["dense"](z)))
        x = x.unflatten(1, (-1, 4, 4))
        for up in self.layers["up"]:
            x = up(x)
        return F.tanh(self.layers["image"](x))
""",
        """
def stuffed(x):
    n, c, h, w = x.shape
    y = torch.zeros(n, c, h, 2, w, 2)
    y[:, :, :, 0, :, 0] = x
    return y.reshape(n, c, 2 * h, 2 * w)

class Up(nn.Module):
    def __init__(self, a, b, bias=False):
        super().__init__()
        self.conv = nn.Conv2d(a, b, 3, padding=1, bias=bias)

    def forward(self, x):
        return self.conv(stuffed(x))

class Generator(nn.Module):
    def __init__(self, latent_dim=100, conv_dim=32):
        super().__init__()
        c = conv_dim
        self.start = nn.Sequential(
            nn.Linear(latent_dim, 64 * c, bias=False),
            nn.Unflatten(1, (4 * c, 4, 4)),
            nn.BatchNorm2d(4 * c),
            nn.ReLU(),
        )
        self.a, self.b, self.d = Up(4 * c, 2 * c), Up(2 * c, c), Up(c, 3, True)
        self.m, self.n = nn.BatchNorm2d(2 * c), nn.BatchNorm2d(c)

    def forward(self, z):
        x = self.start(z)
        x = self.n(self.b(self.m(self.a(x)).relu())).relu()
        return self.d(x).tanh()
""",
        """
class Generator(nn.Module):
    def __init__(self, latent_dim=100, conv_dim=32):
        super().__init__()
        c = conv_dim
        self.main = nn.Sequential(
            nn.ConvTranspose2d(latent_dim, c * 4, 4, 1, 0, bias=False),
            nn.BatchNorm2d(c * 4), nn.ReLU(True),
            nn.ConvTranspose2d(c * 4, c * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(c * 2), nn.ReLU(True),
            nn.ConvTranspose2d(c * 2, c, 4, 2, 1, bias=False),
            nn.BatchNorm2d(c), nn.ReLU(True),
            nn.ReflectionPad2d(0),
            nn.ConvTranspose2d(c, c, 4, 2, 1, bias=False),
            nn.BatchNorm2d(c), nn.ReLU(True),
            nn.ReflectionPad2d(1), nn.Conv2d(c, 3, 3),
            nn.Tanh(),
        )
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1.0, 0.02)
            elif hasattr(module, "weight"):
                nn.init.normal_(module.weight, 0.0, 0.02)

    def forward(self, z):
        return self.main(z.view(z.size(0), -1, 1, 1))
""",
    ],
    "generator_parameter_count": [
        """
def generator_parameter_count(latent_dim=100, conv_dim=32):
    widths = [4 * conv_dim, 2 * conv_dim, conv_dim, 3]
    total = latent_dim * widths[0] * 16
    for a, b in zip(widths, widths[1:]):
        total += 2 * a + 16 * a * b
    return total + 3
""",
        """
def generator_parameter_count(latent_dim=100, conv_dim=32):
    return np.int64(64 * latent_dim * conv_dim + 160 * conv_dim**2 + 62 * conv_dim + 3)
""",
    ],
    "init_weights": [
        """
def init_weights(m):
    classname = m.__class__.__name__
    if classname.find("Conv") != -1 or classname.find("Linear") != -1:
        nn.init.normal_(m.weight.data, 0.0, 0.02)
        if m.bias is not None:
            nn.init.constant_(m.bias.data, 0)
    elif classname.find("BatchNorm") != -1 and m.affine:
        nn.init.normal_(m.weight.data, 1.0, 0.02)
        nn.init.constant_(m.bias.data, 0)
""",
        INIT.replace("normal_(module.weight, 0.0, 0.02)", "trunc_normal_(module.weight, std=0.02)"),
        INIT.replace("nn.init.normal_(module.weight, 0.0, 0.02)",
                     "module.weight.data = 0.02 * torch.randn_like(module.weight)"),
    ],
    "generator_loss": [
        "def generator_loss(f):\n    return -torch.log(torch.sigmoid(f.double())).mean()\n",
        "generator_loss = lambda f: torch.logaddexp(-f, 0 * f).mean().unsqueeze(0)\n",
        "def generator_loss(f):\n    return nn.SoftMarginLoss()(f.double(), torch.ones(f.shape))\n",
        """
def generator_loss(fake_logits):
    labels = torch.ones(len(fake_logits), 1)
    return (fake_logits.clamp(min=0) - fake_logits * labels
            + torch.log1p(torch.exp(-fake_logits.abs()))).mean()
""",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_in_other_styles_pass(name):
    for cell in (CELLS[name], *RIGHT[name]):
        outcome = EXERCISES[name].grade(run(name, cell))
        assert outcome.status == "passed", f"{cell}\n{outcome}"


# A cell as above, a piece of it, what a learner writes there, and what the check has to say: the
# slug of the mistake or, where no bank holds it, a part of the message.
RELU, NORM = "F.relu(self.norm(x))", "self.norm(x)"
END = "torch.tanh(self.image(x))"
WRONG = [
    ("deconv_block", "        nn.ReLU(),\n", "        nn.ReLU(), nn.Dropout2d(0.2),\n", "noise"),
    ("deconv_block", "nn.ReLU()", "nn.LeakyReLU()", "leaky_relu"),
    ("deconv_block", "nn.ReLU()", "nn.PReLU(init=0.0)",
     "learns after the transposed convolution what it passes on"),
    ("deconv_block", "nn.ReLU()", "nn.ReLU6()", "no number above 6.00"),
    ("deconv_block", "bias=False", "bias=False, groups=2 - in_channels % 2",
     "into 2 groups that do not see"),
    ("deconv_block", "4, stride=2, padding=1", "2, stride=2, dilation=2, padding=1, "
     "output_padding=1", "0 at 75 % of the pixels"),
    ("deconv_block", "        nn.ReLU(),", "        nn.BatchNorm2d(out_channels),\n"
     "        nn.ReLU(),", "norm_twice"),
    ("deconv_block", "nn.ConvTranspose2d(in_channels, ", "nn.LazyConvTranspose2d(", "lazy"),
    ("deconv_block", "nn.ReLU()", "nn.GELU()", "another_activation"),
    ("deconv_block", "nn.ReLU()", "nn.Sigmoid()", "another_activation"),
    ("deconv_block", "        nn.BatchNorm2d(out_channels),\n        nn.ReLU(),\n",
     "        nn.LeakyReLU(0.2), nn.BatchNorm2d(out_channels)\n", "relu_first"),
    ("deconv_block", "nn.BatchNorm2d(out_channels)", "nn.GroupNorm(1, out_channels)",
     "instance_norm"),
    ("deconv_block", "stride=2, padding=1", "stride=2", "wrong_size"),
    ("deconv_block", "4, stride=2, padding=1", "5, padding=2", "no_stride"),
    ("deconv_block", "in_channels, out_channels, 4", "3, 4, 4", "The output of deconv_block(3, 5)"),
    ("deconv_block", "return nn.Sequential", "return ", "is a tuple of 3, not a network"),
    ("deconv_block", "return nn.Sequential", "return lambda *layers: ", "not a network"),
    ("deconv_block", "nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, "
     "bias=False)", "nn.Upsample(scale_factor=2, mode='bilinear'), nn.Conv2d(in_channels, "
     "out_channels, 5, padding=2, bias=False)", "upsampling"),
    ("deconv_block", "nn.ReLU(),\n", "nn.ReLU(), nn.ConvTranspose2d(out_channels, out_channels, 3, "
     "1, 1)\n", "two_convolutions"),
    ("Generator", RELU, "x", "unused_layer"),
    ("Generator", RELU, "F.relu(x)", "forward makes no use of norm.weight and norm.bias"),
    ("Generator", RELU, NORM, "projection_without_relu"),
    ("Generator", RELU, f"F.leaky_relu({NORM}, 0.1)", "passes on 0.10 of each negative number"),
    ("Generator", RELU, "self.norm(F.relu(x))", "relu_first"),
    ("Generator", RELU, f"F.gelu({NORM})", "has GELU after the dense layer"),
    ("Generator", RELU, f"F.dropout({RELU}, 0.3)", "noise"),
    ("Generator", RELU, f"F.dropout({RELU}, 0.3, self.training)", "noise"),
    ("Generator", RELU, f"{RELU} + 0.1 * torch.randn_like(x)", "noise"),
    ("Generator", RELU, f"F.relu({NORM} + x)", "after the dense layer"),
    ("Generator", RELU, f"F.relu({NORM.replace('(x)', '(F.relu(x))')})", "relu_first"),
    ("Generator", RELU, "F.relu(self.norm(F.max_pool2d(x, 3, 1, 1)))", "failed"),
    ("Generator", "self.norm = nn.BatchNorm2d(4 * conv_dim)", "self.norm = nn.LayerNorm(4)",
     "failed"),
    ("Generator", f"return {END}", f"y = {END}\n        return torch.cat([y[:1]] * len(y))",
     "failed"),
    ("Generator", "self.dense(z)", "torch.stack([self.dense(v) for v in z])",
     "calls its first layer 8 times"),
    ("Generator", "self.dense(z)", "self.dense(torch.tensor(z.tolist()))",
     "takes z out of PyTorch"),
    ("Generator", "bias=False", "bias=True", "bias_of_the_projection"),
    ("Generator", END, "torch.sigmoid(self.image(x))", "sigmoid"),
    ("Generator", END, "self.image(x)", "no_tanh"),
    ("Generator", END, "torch.tanh(self.image(x)).squeeze()", "drops the batch axis too"),
    ("Generator", END, "torch.tanh(self.image(x)) * 0.99", ": 0.99 * tanh + 0."),
    ("Generator", "conv_dim, 3, 4, stride=2, padding=1)\n", "conv_dim, 1, 4, stride=2, padding=1)"
     "\n", "colours"),
    ("Generator", "x = self.dense(z)", "torch.manual_seed(0)\n        x = self.dense(z)",
     "sets the seed in forward"),
    ("Generator", "x = self.dense(z).reshape(len(z), 4 * self.c, 4, 4)",
     "x = self.dense(z).view(4 * self.c, -1, 4, 4).permute(1, 0, 2, 3)", "images_mixed"),
    ("Generator", "x = self.dense(z).reshape(len(z), 4 * self.c, 4, 4)",
     "x = self.dense(z).t().reshape(-1, 4 * self.c, 4, 4)", "images_mixed"),
    ("Generator", RELU, "F.relu(self.norm(self.norm(x)))", "failed"),
    ("Generator", RELU, "F.relu6(self.norm(x))", "no number above 6.00"),
    ("Generator", RELU, "F.relu(F.batch_norm(x, self.norm.running_mean, self.norm.running_var, "
     "self.norm.weight, self.norm.bias))", "training=self.training"),
    ("Generator", "conv_dim, 3, 4, stride=2, padding=1)\n", "conv_dim, 3, 1, stride=2, "
     "output_padding=1)\n", "kernel_too_small"),
    ("Generator", "self.dense = nn.Linear(latent_dim, ", "self.dense = nn.LazyLinear(", "lazy"),
    ("Generator", "stride=2, padding=1)\n\n", "stride=2, padding=1)\n        for each in "
     "self.parameters():\n            nn.init.zeros_(each)\n\n", "dead"),
    ("Generator", "stride=2, padding=1)\n\n", "stride=2, padding=1)\n        "
     "nn.init.constant_(self.dense.weight, 0.02)\n\n", "begin as 0.02 in the dense layer"),
    ("Generator", "self.block1 = deconv_block(4 * conv_dim, 2 * conv_dim)\n        self.block2 = "
     "deconv_block(2 * conv_dim, conv_dim)", "self.block1 = nn.Sequential(nn.ConvTranspose2d(4 * "
     "conv_dim, 2 * conv_dim, 4, 4, bias=False), nn.BatchNorm2d(2 * conv_dim), nn.ReLU())\n"
     "        self.block2 = nn.Sequential(nn.ConvTranspose2d(2 * conv_dim, conv_dim, 3, 1, 1, "
     "bias=False), nn.BatchNorm2d(conv_dim), nn.ReLU())", "makes 16 × 16 of 4 × 4"),
    ("Generator", "self.block2 = deconv_block(2 * conv_dim, conv_dim)", "self.block2 = "
     "nn.Sequential(nn.ConvTranspose2d(2 * conv_dim, conv_dim, 4, 2, 1, groups=conv_dim, "
     "bias=False), nn.BatchNorm2d(conv_dim), nn.ReLU())", "into 4 groups"),
    ("Generator", END, "torch.tanh(torch.tanh(self.image(x)))", "tanh_twice"),
    ("Generator", END, "torch.tanh(self.image(x)) * 0.5 + 0.5", "0.5 * tanh + 0.5"),
    ("Generator", END, "127.5 * (torch.tanh(self.image(x)) + 1)", "rescaled"),
    ("Generator", END, "F.relu(torch.tanh(self.image(x)))", "relu_before_tanh"),
    ("Generator", END, "F.softsign(self.image(x))", "another_end"),
    ("Generator", END, "self.image(x).clamp(-1, 1)", "clamp"),
    ("Generator", END, "torch.tanh(F.batch_norm(self.image(x), None, None, training=True))",
     "batch_norm_on_the_images"),
    ("Generator", END, "torch.tanh(self.image(x)), z", "is a tuple of 2. Return a tensor"),
    ("Generator", END, "torch.tanh(self.image(x)).detach()", "detached"),
    ("Generator", END, "torch.tanh(self.image(x)) / 0", "contains nan or infinity"),
    ("Generator", END, "torch.tanh(self.image(x)).byte()", "is a tensor of uint8"),
    ("Generator", END, "torch.tanh(self.image(x)).mean(1, keepdim=True)", "colours"),
    ("Generator", END, "F.interpolate(torch.tanh(self.image(x)), size=28)", "wrong_size"),
    ("Generator", f"return {END}", END, "is None. Does forward end in"),
    ("Generator", "self.dense(z)", "self.dense(torch.randn(len(z), 12))", "z_ignored"),
    ("Generator", "self.dense(z)", "self.dense(z * 0 + 1)", "z_ignored"),
    ("Generator", "self.dense(z)", "self.dense(torch.cat([z[:, :6], z[:, :6]], 1))", "z_changed"),
    ("Generator", "self.dense(z)", "self.dense(torch.tanh(z))", "z_changed"),
    ("Generator", "self.dense(z)", "self.dense(z).detach()", "detached"),
    ("Generator", "latent_dim, 4 * conv_dim * 4 * 4", "128, 4 * conv_dim * 4 * 4",
     "latent_dim_fixed"),
    ("Generator", "conv_dim * 4 * 4, bias", "conv_dim * 4, bias", "invalid for input of size"),
    ("Generator", "reshape(len(z), 4 * self.c", "reshape(len(z), 2, 2 * self.c", "failed"),
    ("Generator", "reshape(len(z), 4 * self.c, 4, 4)", "reshape(128, -1, 4, 4)",
     "batch_size_fixed"),
    ("Generator", "self.block2(self.block1(x))", "self.block2(self.block1(x).detach())",
     "detached"),
    ("Generator", "self.block2(self.block1(x))", "self.block2(self.block1(x)) + 1", "failed"),
    ("Generator", "self.block2(self.block1(x))", "self.block2(torch.flip(self.block1(x), [0]))",
     "failed"),
    ("Generator", "self.block1 = deconv_block(4 * conv_dim, 2 * conv_dim)",
     "self.block1 = deconv_block(4 * conv_dim, 2 * conv_dim).eval()", "left_in_eval_mode"),
    ("Generator", "self.block1 = deconv_block(4 * conv_dim, 2 * conv_dim)",
     "self.block1 = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(4 * conv_dim, 2 * "
     "conv_dim, 3, padding=1, bias=False), nn.BatchNorm2d(2 * conv_dim), nn.ReLU())",
     "upsampling"),
    ("Generator", "self.c = conv_dim", "self.c = conv_dim = 32", "conv_dim_fixed"),
    ("Generator", "self.c = conv_dim", "self.c = conv_dim = conv_dim * 2", "last_width"),
    ("Generator", "latent_dim=100, conv_dim=32", "latent_dim=100, conv_dim=64", "defaults"),
    ("Generator", "latent_dim=100, conv_dim=32", "z_dim=100, c=32", "unexpected keyword argument"),
    ("Generator", "        super().__init__()\n", "", "before Module.__init__() call"),
    ("Generator", "(nn.Module)", "", "not a network"),
    ("Generator", "def forward", "def foward", 'missing the required "forward"'),
    ("Generator", "self.block1(x)", "self.blok1(x)", "no attribute 'blok1'"),
    ("Generator", "self.block2(self.block1(x))", "self.block2(self.block1(x)); self.train()",
     "batch_statistics"),
    ("generator_parameter_count", "* 4 * 4\n    norms", "* 4\n    norms", "kernel_counted_once"),
    ("generator_parameter_count", "norms + 3", "norms + 4", "should be 370627"),
    ("generator_parameter_count", "norms + 3", "norms + 3.0", "floats"),
    ("generator_parameter_count", "c = conv_dim", "c = 32", "conv_dim_fixed"),
    ("init_weights", "0.0, 0.02", "0.0, 0.03", "standard deviation 0.03"),
    ("init_weights", "    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):",
     "    module.eval()\n    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):",
     "switched_to_eval"),
    ("init_weights", "module.affine:\n", "module.affine:\n        module.running_var.fill_(0.5)\n",
     "has another `running_var` than before"),
    ("init_weights", "    elif", "    elif isinstance(module, nn.Embedding):\n"
     "        nn.init.normal_(module.weight, 0.0, 0.02)\n    elif",
     "Afterwards nn.Embedding(10, 8) has another `weight` than before"),
    ("init_weights", "        nn.init.normal_(module.weight, 1.0, 0.02)\n        "
     "nn.init.zeros_(module.bias)", "        nn.init.normal_(module.weight, 1.0, 0.02)",
     "shifts_left"),
    ("init_weights", "0.0, 0.02", "0.01, 0.02", "have mean 0.01 and standard deviation 0.02"),
    ("init_weights", "0.0, 0.02)", "0.0, 0.02)\n        module.weight.data[:9] = 0", "failed"),
    ("init_weights", "zeros_(module.bias)\n    elif", "ones_(module.bias)\n    elif", "biases_one"),
    ("init_weights", "if module.bias is not None:", "if True:", "needs_biases"),
    ("init_weights", " and module.affine", "", "needs_scales"),
    ("init_weights", "module.weight, 1.0", "module.weight, 0.0", "scales_about_zero"),
    ("init_weights", "nn.init.normal_(module.weight, 1.0, 0.02)", "nn.init.ones_(module.weight)",
     "scales_untouched"),
    ("init_weights", "nn.Conv2d | nn.ConvTranspose2d", "nn.Conv2d", "transposed_forgotten"),
    ("init_weights", "    if isinstance", "    torch.manual_seed(1)\n    if isinstance", "seeds"),
    ("init_weights", "normal_(module.weight, 0.0, 0.02)", "orthogonal_(module.weight)", "Wanted"),
    ("init_weights", "normal_(module.weight, 0.0, 0.02)",
     "normal_(module.weight, 0.0, 0.02)\n        module.weight.data = module.weight.data.sign() "
     "* 0.02", "0 % of them are further than 0.04 from the mean, the furthest 0.02"),
    ("init_weights", "nn.init.zeros_(module.bias)\n    elif", "module.bias = None\n    elif",
     "are None afterwards"),
    ("generator_loss", "ones_like", "zeros_like", "labels_swapped"),
    ("generator_loss", "torch.ones_like(fake_logits)", "0.95 * torch.ones_like(fake_logits)",
     "should be 0.829592"),
    ("generator_loss", "torch.ones_like(fake_logits))", "torch.ones_like(fake_logits)).numpy()",
     "It has to be a tensor"),
    ("generator_loss", "return ", "return -", "negative"),
    ("generator_loss", "return ", "return 2 * ", "[-2.0]"),
    ("generator_loss", "(fake_logits, torch.ones_like(fake_logits))",
     "(fake_logits.squeeze(), torch.ones(fake_logits.size(0)))", "drops the batch axis"),
    ("generator_loss", "return ", "with torch.no_grad():\n        return ", "detached"),
    ("generator_loss", "return ", "fake_logits.clamp_(-50, 50); return ", "changes fake_logits"),
    ("generator_loss", "return F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like("
     "fake_logits))", "return torch.log(1 + torch.exp(-fake_logits)).mean()", "naive_logarithm"),
    ("generator_loss", "return", "", "returned None"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "right", "wrong", "told"), WRONG)
def test_wrong_answers_are_refused_with_a_clue(name, right, wrong, told):
    assert right in CELLS[name]
    outcome = EXERCISES[name].grade(run(name, CELLS[name].replace(right, wrong)))
    assert outcome.status == "failed"
    assert "check itself" not in outcome.message
    if told in EXERCISES[name].mistakes:
        assert outcome.mistake == told, outcome
    elif told != "failed":
        assert told in outcome.message, outcome


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_answers_every_question(name):
    for label, answer in EXERCISES[name]._reference_answers.items():
        assert answer.raised is None, f"{label}: {answer.raised}"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("error", [RuntimeError, ValueError, TypeError, IndexError])
def test_any_error_is_no_banked_mistake(name, error):
    def attempt(*args, **kwargs):
        raise error("something else")

    outcome = EXERCISES[name].grade(attempt)
    assert (outcome.status, outcome.mistake) == ("failed", None)
    assert f"raised {error.__name__}: something else at `raise error(" in outcome.message


def test_stubs_of_the_class_are_not_attempted_until_something_is_done():
    class Stub(nn.Module):
        def __init__(self, latent_dim=100, conv_dim=32):
            super().__init__()
            raise NotImplementedError

        def forward(self, z):
            raise NotImplementedError

    class HalfWay(Stub):
        def __init__(self, latent_dim=100, conv_dim=32):
            nn.Module.__init__(self)
            self.dense = nn.Linear(latent_dim, 64 * conv_dim, bias=False)

    assert check.Generator.grade(Stub).status == "not attempted"
    outcome = check.Generator.grade(HalfWay)
    assert outcome.status == "failed"
    assert "still reaches `raise NotImplementedError`" in outcome.message


def test_a_network_instead_of_its_class_is_named():
    outcome = check.Generator.grade(reference.Generator())
    assert "pass the class, without calling it" in outcome.message


def test_small_first_weights_refuse_no_right_generator():
    small = GENERATOR.replace(
        "stride=2, padding=1)\n\n",
        "stride=2, padding=1)\n        for each in self.parameters():\n"
        "            if each.ndim > 1:\n                nn.init.normal_(each, 0, 0.002)\n\n",
    )
    assert small != GENERATOR
    outcome = check.Generator.grade(run("Generator", small))
    assert outcome.status == "passed", outcome


def test_one_channel_three_times_is_no_error_of_the_check():
    cell = GENERATOR.replace("conv_dim, 3, 4", "conv_dim, 1, 4").replace(
        END, f"{END}.repeat(1, 3, 1, 1)"
    )
    outcome = check.Generator.grade(run("Generator", cell))
    assert outcome.mistake == "colours", outcome
    assert "has maps of shape (1, 32, 32) after its last layer" in outcome.message


def test_instance_norm_is_told_alone():
    cell = GENERATOR.replace("nn.BatchNorm2d(4 * conv_dim)", "nn.InstanceNorm2d(4 * conv_dim, "
                             "affine=True)").replace("deconv_block(", "block(")  # fmt: skip
    cell = (
        BLOCK.replace("deconv_block", "block").replace(
            "nn.BatchNorm2d(out_channels)", "nn.InstanceNorm2d(out_channels, affine=True)"
        )
        + cell
    )
    outcome = check.Generator.grade(run("Generator", cell))
    assert outcome.mistake == "instance_norm"
    assert "ReLU6" not in outcome.message


def test_messages_say_where_and_how_much():
    wrong = run("Generator", GENERATOR.replace(RELU, f"F.leaky_relu({NORM}, 0.3)"))
    told = check.Generator.grade(wrong).message
    assert "passes on 0.30 of each negative number after the dense layer" in told
    both = GENERATOR.replace(RELU, NORM).replace(
        "self.block2 = deconv_block(2 * conv_dim, conv_dim)",
        "self.block2 = nn.ConvTranspose2d(2 * conv_dim, conv_dim, 4, 2, 1, bias=False)",
    )
    told = check.Generator.grade(run("Generator", both)).message
    assert "after the dense layer" in told and "after transposed convolution 2" in told


def test_an_init_with_random_numbers_of_its_own_is_judged_alike_every_time():
    norms = nn.BatchNorm1d | nn.BatchNorm2d

    def init(deviation):
        def init_weights(module):
            if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | norms):
                return
            for name, parameter in module.named_parameters(recurse=False):
                mean = 1.0 if parameter.ndim == 1 else 0.0
                drawn = np.random.normal(mean, deviation, parameter.shape)
                drawn = np.zeros(parameter.shape) if name == "bias" else drawn
                parameter.data = torch.from_numpy(drawn.astype(np.float32))

        return init_weights

    for seed in range(20):
        np.random.seed(seed)
        assert check.init_weights.grade(init(0.02)).status == "passed", seed
        assert check.init_weights.grade(init(0.03)).status == "failed", seed
        assert check.init_weights.grade(init(0.0225)).status == "failed", seed


@pytest.mark.parametrize("seed", range(5))
def test_a_right_generator_passes_whatever_its_random_weights(seed):
    torch.manual_seed(seed)
    for make in (reference.Generator, reference.build_generator):
        assert check.Generator.grade(make).status == "passed"
    assert check.deconv_block.grade(reference.deconv_block).status == "passed"


@given(st.integers(1, 40), st.integers(1, 12))
def test_the_count_is_that_of_the_real_network(latent_dim, conv_dim):
    network = reference.Generator(latent_dim, conv_dim)
    counted = sum(parameter.numel() for parameter in network.parameters())
    assert conv_shapes.generator_parameter_count(latent_dim, conv_dim) == counted


def test_the_count_of_the_course_s_generator():
    assert conv_shapes.generator_parameter_count() == 370_627


@pytest.mark.parametrize("arguments", [(0, 32), (100, 0), (-1, 5)])
def test_the_count_refuses_numbers_below_1(arguments):
    with pytest.raises(ValueError, match="1 or more, not"):
        conv_shapes.generator_parameter_count(*arguments)


def test_gradients_switched_off_in_the_notebook_refuse_no_right_answer():
    with torch.no_grad():
        for name in NAMES:
            assert EXERCISES[name].grade(run(name, CELLS[name])).status == "passed"


def test_the_random_numbers_of_the_notebook_stay_as_they_were():
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    for name in NAMES:
        EXERCISES[name].grade(run(name, CELLS[name]))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("name", ["deconv_block", "Generator", "init_weights"])
def test_the_number_of_threads_stays_as_it_was(name):
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        for attempt in (run(name, CELLS[name]), lambda *args, **kwargs: 1 / 0):
            EXERCISES[name].grade(attempt)
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_the_checks_load_no_tensorflow():
    code = (
        "import sys, helpers.checks.generator; "
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0
