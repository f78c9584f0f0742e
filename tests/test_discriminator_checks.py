"""The checks of lesson 05 on answers that no bank holds: right ones in other styles, wrong ones.

``tests/test_checks.py`` tests banks and references. Here are cells as learners write them.
"""

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.checks import discriminator as check
from helpers.pytorch.batch_norm import BatchNorm
from helpers.pytorch.discriminator import conv_block

BODY = """
class Discriminator(nn.Module):
    def __init__(self, conv_dim=32):
        super().__init__()
        self.conv_dim = c = conv_dim
        self.conv1 = conv_block(3, c, batch_norm=False)
        self.conv2 = conv_block(c, 2 * c)
        self.conv3 = conv_block(2 * c, 4 * c)
        self.fc = nn.Linear(4 * c * 4 * 4, 1)
        {init}

    def forward(self, x):
        x = self.conv1(x)
        x = self.conv2(x)
        {between}
        x = self.conv3(x)
        {features}
        x = x.{flatten}
        x = self.fc(x)
        {end}
        return x
"""


def body(**parts):
    """The usual network with some lines added or changed."""
    usual = {
        "init": "",
        "between": "",
        "features": "",
        "flatten": "view(-1, 4 * self.conv_dim * 4 * 4)",
        "end": "",
    }
    return BODY.format(**usual | parts)


def run(cell, name):
    names = {"torch": torch, "nn": nn, "F": F, "conv_block": conv_block, "BatchNorm": BatchNorm}
    exec(cell, names)
    return names[name]


def grade(cell, name="Discriminator"):
    return check.lesson.exercises[name].grade(run(cell, name))


RIGHT = {
    "the usual network": body(),
    "flatten": body(flatten="flatten(start_dim=1)"),
    "reshape": body(flatten="reshape(x.shape[0], -1)"),
    "height and width before the channels": body(flatten="permute(0, 2, 3, 1).flatten(1)"),
    "width first": body(flatten="transpose(1, 3).flatten(1)"),
    "a vector of weights at the end": body(
        init="self.w = nn.Parameter(torch.randn(4 * c * 16)); del self.fc; "
        "self.fc = lambda x: (x @ self.w)[:, None]"
    ),
    "weights from the left": body(
        init="self.w = nn.Parameter(torch.randn(1, 4 * c * 16)); del self.fc; "
        "self.fc = lambda x: (self.w @ x.T).T"
    ),
    "a vector of weights from the left, per image": body(
        init="self.w = nn.Parameter(torch.randn(1, 4 * c * 16)); del self.fc; "
        "self.fc = lambda x: torch.einsum('of,nf->no', self.w, x)"
    ),
    "einsum at the end": body(
        init="self.w = nn.Parameter(torch.randn(4 * c * 16)); del self.fc; "
        "self.fc = lambda x: torch.einsum('nf,f->n', x, self.w)[:, None]"
    ),
    "weights from N(0, 0.02)": body(
        init="""for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(m.weight, 0, 0.02)
            if isinstance(m, nn.BatchNorm2d):
                nn.init.normal_(m.weight, 1.0, 0.02)
                nn.init.zeros_(m.bias)"""
    ),
    "a last layer that begins at 0": body(init="nn.init.zeros_(self.fc.weight)"),
    "old weight normalisation": body(init="nn.utils.parametrizations.weight_norm(self.fc)"),
    "hidden spectral norm by hook": body(init="nn.utils.spectral_norm(self.fc)"),
    "layers in a ModuleDict": """
class Discriminator(nn.Module):
    def __init__(self, conv_dim=32):
        super().__init__()
        d = conv_dim
        self.layers = nn.ModuleDict({
            "one": nn.Conv2d(3, d, 4, 2, 1),
            "two": nn.Conv2d(d, d * 2, 4, 2, 1, bias=False),
            "three": nn.Conv2d(d * 2, d * 4, 4, 2, 1, bias=False),
            "norm two": nn.BatchNorm2d(d * 2),
            "norm three": nn.BatchNorm2d(d * 4),
            "out": nn.Conv2d(d * 4, 1, 4),
        })
        self.activation = nn.LeakyReLU(0.2, True)

    def forward(self, x):
        x = self.activation(self.layers["one"](x))
        for name in ("two", "three"):
            x = self.activation(self.layers["norm " + name](self.layers[name](x)))
        return self.layers["out"](x).view(-1, 1)
""",
    "five layers down to 1 x 1": """
def Discriminator(conv_dim=32):
    c = conv_dim
    return nn.Sequential(
        conv_block(3, c, False), conv_block(c, 2 * c), conv_block(2 * c, 4 * c),
        conv_block(4 * c, 8 * c), nn.Conv2d(8 * c, 1, 4, 2, 1), nn.Flatten(),
    )
""",
    "a subclass of Sequential": """
class Discriminator(nn.Sequential):
    def __init__(self, conv_dim=32):
        layers, width = [], 3
        for i in range(3):
            wider = conv_dim * 2 ** i
            layers += [nn.Conv2d(width, wider, 5, 2, 2, bias=i == 0)]
            layers += [nn.BatchNorm2d(wider)] if i else []
            layers += [nn.LeakyReLU(.2)]
            width = wider
        super().__init__(*layers, nn.Flatten(), nn.Linear(width * 16, 1))
""",
    "LeakyReLU in words": """
class Discriminator(nn.Module):
    def __init__(self, conv_dim=32):
        super().__init__()
        self.a = nn.Conv2d(3, conv_dim, 4, 2, 1)
        self.b = nn.Conv2d(conv_dim, conv_dim, 4, 2, 1, bias=False)
        self.bn_b = nn.BatchNorm2d(conv_dim)
        self.c = nn.Conv2d(conv_dim, 3 * conv_dim, 4, 2, 1, bias=False)
        self.bn_c = nn.BatchNorm2d(3 * conv_dim)
        self.d = nn.Linear(3 * conv_dim * 16, 1)

    def forward(self, x):
        x = self.a(x)
        x[x < 0] *= 0.2
        x = self.bn_b(self.b(x))
        x = x.clamp(min=0) + 0.2 * x.clamp(max=0)
        x = self.bn_c(self.c(x))
        x = 0.6 * x + 0.4 * x.abs()
        return self.d(x.flatten(1))
""",
    "channels last": body(init="self.to(memory_format=torch.channels_last)", flatten="flatten(1)"),
    "padding by F.pad": """
class Discriminator(nn.Module):
    def __init__(self, conv_dim=32):
        super().__init__()
        c = conv_dim
        self.convs = nn.ModuleList(
            [nn.Conv2d(3, c, 3, 2), nn.Conv2d(c, 2 * c, 3, 2, bias=False),
             nn.Conv2d(2 * c, 4 * c, 3, 2, bias=False)])
        self.norms = nn.ModuleList([nn.Identity(), nn.BatchNorm2d(2 * c), nn.BatchNorm2d(4 * c)])
        self.out = nn.LazyLinear(1)

    def forward(self, x):
        for conv, norm in zip(self.convs, self.norms):
            x = F.leaky_relu(norm(conv(F.pad(x, (0, 1, 0, 1)))), 0.2)
        return self.out(torch.flatten(x, 1))
""",
    "batch normalisation of flattened maps": """
class Discriminator(nn.Module):
    def __init__(self, conv_dim=32):
        super().__init__()
        c = conv_dim
        self.body = nn.Sequential(conv_block(3, c, False), conv_block(c, 2 * c),
                                  nn.Conv2d(2 * c, 4 * c, 4, 2, 1, bias=False))
        self.norm = nn.BatchNorm1d(64 * c)
        self.out = nn.Linear(64 * c, 1)

    def forward(self, x):
        return self.out(F.leaky_relu(self.norm(self.body(x).flatten(1)), 0.2))
""",
    "an eps that was meant as momentum": body(
        init="self.conv2[1] = nn.BatchNorm2d(2 * c, 0.8)\n"
        "        self.conv3[1] = nn.BatchNorm2d(4 * c, 0.8)"
    ),
    "batch normalisation of lesson 04": body(
        init="self.conv2[1] = BatchNorm(2 * c); self.conv3[1] = BatchNorm(4 * c)"
    ),
    "weights of 0.001": body(
        init="[nn.init.normal_(p, 0, 0.001) for p in self.parameters() if p.ndim > 1]"
    ),
    "a counter": body(init="self.register_buffer('calls', torch.zeros(()))", end="self.calls += 1"),
    "all gammas around 0": body(
        init="""for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.BatchNorm2d)):
                nn.init.normal_(m.weight, 0, 0.02)"""
    ),
    "a gamma of 0.02": body(init="nn.init.constant_(self.conv2[1].weight, 0.02)"),
    "images printed, and with a margin": body().replace(
        "x = self.conv1(x)", "print(x.shape); x = self.conv1(F.pad(x, (0, 1, 1, 0)))"
    ),
    "a residual block": """
class Block(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.one = conv_block(i, o)
        self.two = nn.Sequential(nn.Conv2d(o, o, 3, padding=1, bias=False), nn.BatchNorm2d(o))
        self.short = nn.Conv2d(i, o, 1, 2)

    def forward(self, x):
        return F.leaky_relu(self.two(self.one(x)) + self.short(x), 0.2)

class Discriminator(nn.Module):
    def __init__(self, conv_dim=32):
        super().__init__()
        c = conv_dim
        self.net = nn.Sequential(conv_block(3, c, False), Block(c, 2 * c), Block(2 * c, 4 * c),
                                 nn.Flatten(), nn.Linear(64 * c, 1))

    def forward(self, x):
        return self.net(x)
""",
    "contiguous view": body(flatten="contiguous().view(x.size(0), -1)"),
    "it asserts what it is given": body(
        init="assert conv_dim > 0", end="assert x.shape[1:] == (1,), x.shape"
    ),
}

WRONG = {
    "sigmoid": body(end="x = 1 / (1 + torch.exp(-x))"),
    "activation_at_the_end": body(end="x = x.clamp(-1, 1)"),
    "tanh": body(end="x = x.tanh()"),
    "batch_norm_on_the_logits": body(end="x = (x - x.mean()) / x.std()"),
    "images_mixed": body(flatten="reshape(4, -1, len(x)).permute(2, 0, 1).flatten(1)"),
    "chance_in_eval_mode": body(between="x = x + 0.1 * torch.randn_like(x)"),
    "batch_size_fixed": body(end="x = x.squeeze()[:, None] if len(x) > 1 else x.squeeze()"),
    "average_pooling": body(
        init="self.fc = nn.Linear(4 * c, 1)",
        features="x = x.mean((2, 3), keepdim=True)",
        flatten="flatten(1)",
    ),
    "max_pooling": body(
        init="self.fc = nn.Linear(4 * c, 1)",
        features="x = F.adaptive_max_pool2d(x, 1)",
        flatten="flatten(1)",
    ),
    "interpolation": body(
        init="self.fc = nn.Linear(16 * c, 1)",
        features="x = F.interpolate(x, scale_factor=0.5)",
        flatten="flatten(1)",
    ),
    "part_of_the_map": body(
        init="self.fc = nn.Linear(4 * c, 1)", features="x = x[:, :, 0, 0]", flatten="flatten(1)"
    ),
    "slicing": body(
        init="self.fc = nn.Linear(16 * c, 1)", features="x = x[..., ::2, ::2]", flatten="flatten(1)"
    ),
    "logits_squeezed": body(end="x = x[:, 0]"),
    "detached": body(between="x = x.data"),
    "layers_made_in_forward": body(features="x = nn.BatchNorm2d(x.shape[1])(x)"),
    "layers_in_a_list": body(init="self.more = [nn.Linear(1, 1)]", end="x = self.more[0](x)"),
    "batch_norm_missing_once": body(init="self.conv3 = conv_block(2 * c, 4 * c, False)"),
    "batch_norm_on_the_input_layer": body(init="self.conv1 = conv_block(3, c)"),
    "one_activation_differs": body(features="x = F.relu(x)"),
    "bias_before_batch_norm": body(init="self.conv2[0] = nn.Conv2d(c, 2 * c, 4, 2, 1)"),
    "normalised_per_image": body(init="self.conv2[1] = nn.GroupNorm(1, 2 * c)"),
    "no_running_statistics": """
class Discriminator(nn.Module):
    def __init__(self, conv_dim=32):
        super().__init__()
        c = conv_dim
        self.a = nn.Conv2d(3, c, 4, 2, 1)
        self.b = nn.Conv2d(c, 2 * c, 4, 2, 1, bias=False)
        self.d = nn.Conv2d(2 * c, 4 * c, 4, 2, 1, bias=False)
        self.fc = nn.Linear(64 * c, 1)

    def forward(self, x):
        x = F.leaky_relu(self.a(x), 0.2)
        for layer in (self.b, self.d):
            x = layer(x)
            x = F.leaky_relu((x - x.mean((0, 2, 3), True)) / x.std((0, 2, 3), keepdim=True), 0.2)
        return self.fc(x.flatten(1))
""",
    "another_activation": body(init="self.conv1[1] = self.conv2[2] = self.conv3[2] = nn.Tanh()"),
    "no_batch_norm": body(
        init="self.conv2 = conv_block(c, 2 * c, False)\n"
        "        self.conv3 = conv_block(2 * c, 4 * c, False)\n"
        "        self.conv3[1] = nn.Sigmoid()"
    ),
    "another_slope": body(init="self.conv1[1] = self.conv2[2] = self.conv3[2] = nn.LeakyReLU(5.0)"),
    "statistics_do_not_move": """
class Norm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.g, self.b = nn.Parameter(torch.ones(c, 1, 1)), nn.Parameter(torch.zeros(c, 1, 1))
        self.register_buffer("m", torch.zeros(c, 1, 1))
        self.register_buffer("v", torch.ones(c, 1, 1))

    def forward(self, x):
        m, v = self.m, self.v
        if self.training:
            m, v = x.mean((0, 2, 3), True)[0], x.var((0, 2, 3), keepdim=True)[0]
        return self.g * (x - m) / (v + 1e-5).sqrt() + self.b

def Discriminator(conv_dim=32):
    c = conv_dim
    return nn.Sequential(
        conv_block(3, c, False),
        nn.Conv2d(c, 2 * c, 4, 2, 1, bias=False), Norm(2 * c), nn.LeakyReLU(0.2),
        nn.Conv2d(2 * c, 4 * c, 4, 2, 1, bias=False), Norm(4 * c), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(64 * c, 1))
""",
    "shared_layer": """
class Discriminator(nn.Module):
    def __init__(self, conv_dim=32):
        super().__init__()
        c = conv_dim
        self.first = conv_block(3, c, False)
        self.second = conv_block(c, c)
        self.out = nn.Linear(c * 16, 1)

    def forward(self, x):
        return self.out(self.second(self.second(self.first(x))).flatten(1))
""",
    "numbers_written_in": body(init="self.fc = nn.Linear(2048, 1)", flatten="view(-1, 2048)"),
    "batch_not_kept": body(init="self.fc = nn.Linear(512, 1)", flatten="view(-1, 512)"),
    "mode_switched": body(between="self.eval()"),
    "hidden_dense": body(
        init="self.fc = nn.Sequential(nn.Linear(64 * c, c), nn.BatchNorm1d(c), nn.LeakyReLU(0.2),"
        " nn.Linear(c, 1))"
    ),
    "flatten_missing": body(flatten="contiguous()"),
    "dense_layer_of_another_size": body(init="self.fc = nn.Linear(4 * c, 1)", flatten="flatten(1)"),
    "super_missing": body().replace("super().__init__()", "pass"),
    "called_twice": body(end="x = x if hasattr(self, 'inside') else self.again(images)").replace(
        "forward(self, x):", "forward(self, x):\n        images = x"
    )
    + """
    def again(self, x):
        self.inside = True
        x = self(x)
        del self.inside
        return x
""",
    "constant_weights": body(
        init="[nn.init.zeros_(b[0].weight) for b in (self.conv1, self.conv2)]"
    ),
    "kernel_too_small": body(init="self.conv2[0] = nn.Conv2d(c, 2 * c, 1, 2, bias=False)"),
}

# (cell, mistake, words), for mistakes that come in several shapes
MORE_WRONG = {
    "dropout in train mode": (
        body(init="self.drop = nn.Dropout(0.4)", features="x = self.drop(x)"),
        "dropout",
        "of the numbers are 0",
    ),
    "functional dropout that eval mode switches off": (
        body(features="x = F.dropout2d(x, 0.3, self.training)"),
        "dropout",
        "what enters the dense layer",
    ),
    "a random slope": (body(init="self.conv1[1] = nn.RReLU()"), "dropout", "in train mode"),
    "images flipped at random": (
        body().replace(
            "x = self.conv1(x)",
            "x = x.flip(3) if torch.rand(()) < .5 else x\n        x = self.conv1(x)",
        ),
        "dropout",
        "what enters convolution 1",
    ),
    "noise on the images in train mode": (
        body().replace(
            "x = self.conv1(x)", "x = self.conv1(x + 0.1 * self.training * torch.randn_like(x))"
        ),
        "dropout",
        "what enters convolution 1",
    ),
    "images scaled once more": (
        body().replace("x = self.conv1(x)", "x = self.conv1(2 * x - 1)"),
        "images_changed",
        "from -3.00 to 1.00",
    ),
    "images changed in place": (
        body().replace("x = self.conv1(x)", "x = self.conv1(x.mul_(0.5).add_(0.5))"),
        "images_changed",
        "from 0.0",
    ),
    "images scrambled": (
        body(flatten="flatten(1)").replace(
            "self.conv1(x)", "self.conv1(x.reshape(-1, 32, 32, 3).permute(0, 3, 1, 2))"
        ),
        "images_changed",
        "in another order",
    ),
    "one colour of the images": (
        body(init="self.conv1 = conv_block(1, c, False)").replace("conv1(x)", "conv1(x[:, :1])"),
        "part_of_the_map",
        "All of the images",
    ),
    "images detached": (
        body().replace("conv1(x)", "conv1(x.detach())"),
        "input_detached",
        "no gradient flows back",
    ),
    "images rounded to 256 values": (
        body().replace("conv1(x)", "conv1(torch.round((x + 1) * 127.5) / 127.5 - 1)"),
        "input_detached",
        "no gradient flows back",
    ),
    "no default": (body().replace("conv_dim=32", "conv_dim"), "another_default", "missing 1"),
    "images by way of NumPy": (
        body().replace("conv1(x)", "conv1(torch.from_numpy(x.numpy()))"),
        "input_detached",
        "no gradient flows back",
    ),
    "logits cut off": (body(end="x = x.clamp(-5, 5)"), "logits_squashed", "-300 becomes -5"),
    "logits squashed": (body(end="x = 10 * (x / 10).tanh()"), "logits_squashed", "300 becomes 10"),
    "a sigmoid and its inverse": (
        body(end="x = torch.logit(torch.sigmoid(x))"),
        "logits_squashed",
        "300 becomes inf",
    ),
    "a sigmoid in train mode only": (
        body(end="x = x.sigmoid() if self.training else x"),
        "logits_squashed",
        "puts out in train mode",
    ),
    "the batch's mean taken away": (
        body(end="x = x - x.mean()"),
        "batch_norm_on_the_logits",
        "the batch's mean is taken away",
    ),
    "logits without their sign": (body(end="x = x.abs()"), "activation_at_the_end", ""),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_discriminator_passes(name):
    outcome = grade(RIGHT[name])
    assert outcome.status == "passed", outcome.message


@pytest.mark.parametrize("told", MORE_WRONG)
def test_wrong_discriminator_is_told_in_words(told):
    cell, mistake, words = MORE_WRONG[told]
    outcome = grade(cell)
    assert (outcome.status, outcome.mistake) == ("failed", mistake), outcome.message
    assert words in outcome.message


@pytest.mark.parametrize("mistake", WRONG)
def test_wrong_discriminator_is_named(mistake):
    outcome = grade(WRONG[mistake])
    assert (outcome.status, outcome.mistake) == ("failed", mistake), outcome.message


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (body(end="return None"), "None"),
        (body(end="return x, x"), "What Discriminator() makes of 8 images is a tuple of 2"),
        (body(end="x = x * float('nan')"), "nan"),
        (body(end="return self.nothing"), "nothing"),
        (body(end="raise NotImplementedError"), "raise NotImplementedError"),
        (body(between="x = torch.sort(x, 2).values"), "each number by itself"),
        (body(init="raise RuntimeError('stop here')"), "stop here"),
        (body(between="x = F.max_pool2d(x, 3, 1, 1)"), "max pooling"),
        (body(flatten="view(-1, 100)"), "shape"),
        ("def Discriminator(conv_dim=32): return 3", "int"),
        ("def Discriminator(conv_dim=32): return conv_block", "function"),
        ("class Discriminator: pass", "Discriminator"),
        ("class Discriminator(nn.Module):\n    def __init__(self): super().__init__()", "forward"),
        (body().replace("conv_dim=32", "conv_dim"), "conv_dim"),
        (body(end="x = x + self.fc.weight.sum().detach() * 0 + 1 * (x * 0).sum()"), ""),
    ],
)
def test_other_answers_are_refused_in_words(cell, words):
    outcome = grade(cell)
    assert outcome.status == "failed" or not words
    assert words in outcome.message
    assert "bug of the course" not in outcome.message


def test_the_activation_is_told_as_a_number():
    cell = body(init="self.conv2[2] = nn.LeakyReLU(0.05)")
    message = grade(cell).message
    assert "what follows convolution 2 passes on 0.05 of the value" in message
    assert "DCGAN's LeakyReLU passes 0.20" in message


def test_grading_leaves_networks_random_numbers_and_modes_alone():
    made = []

    def attempt(conv_dim=32):
        made.append(run(body(), "Discriminator")(conv_dim))
        return made[-1]

    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    assert check.Discriminator.grade(attempt).status == "passed"
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(each.training for network in made for each in network.modules())


def test_grading_works_without_gradients_and_with_float64():
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            assert grade(body()).status == "passed"
    finally:
        torch.set_default_dtype(torch.float32)


BLOCKS = {
    "gammas around 0": """
def conv_block(in_channels, out_channels, batch_norm=True):
    layers = [nn.Conv2d(in_channels, out_channels, 4, 2, 1, bias=False)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(out_channels))
    for layer in layers:
        nn.init.normal_(layer.weight, 0, 0.02)
    return nn.Sequential(*layers, nn.LeakyReLU(0.2))
""",
    "a list of layers, unpacked": """
def conv_block(in_channels, out_channels, batch_norm=True):
    layers = [nn.Conv2d(in_channels, out_channels, 4, 2, 1, bias=False)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(out_channels))
    layers.append(nn.LeakyReLU(0.2))
    return nn.Sequential(*layers)
""",
    "kernel 2": """
def conv_block(in_channels, out_channels, batch_norm=True):
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 2, 2, bias=not batch_norm),
        nn.BatchNorm2d(out_channels) if batch_norm else nn.Identity(),
        nn.LeakyReLU(0.2, inplace=True),
    )
""",
    "a class": """
class conv_block(nn.Module):
    def __init__(self, in_channels, out_channels, batch_norm=True):
        super().__init__()
        self.c = nn.Conv2d(in_channels, out_channels, kernel_size=5, stride=2, padding=2,
                           padding_mode="reflect", bias=False)
        self.b = nn.BatchNorm2d(out_channels) if batch_norm else None

    def forward(self, x):
        x = self.c(x)
        x = x if self.b is None else self.b(x)
        return torch.max(x, 0.2 * x)
""",
}

WRONG_BLOCKS = {
    "another_default": """
def conv_block(in_channels, out_channels, batch_norm=False):
    norm = [nn.BatchNorm2d(out_channels)] if batch_norm else []
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 4, 2, 1, bias=not batch_norm), *norm,
                         nn.LeakyReLU(0.2))
""",
    "chance_in_train_mode": """
def conv_block(in_channels, out_channels, batch_norm=True):
    norm = [nn.BatchNorm2d(out_channels)] if batch_norm else []
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 4, 2, 1, bias=False), *norm,
                         nn.RReLU(0.1, 0.3))
""",
    "kernel_too_small": """
def conv_block(in_channels, out_channels, batch_norm=True):
    norm = [nn.BatchNorm2d(out_channels)] if batch_norm else []
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, 2, bias=False), *norm,
                         nn.LeakyReLU(0.2))
""",
    "bias_before_batch_norm": """
def conv_block(in_channels, out_channels, batch_norm=True):
    layers = [nn.Conv2d(in_channels, out_channels, 4, 2, 1)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(out_channels))
    return nn.Sequential(*layers, nn.LeakyReLU(0.2))
""",
    "normalised_per_image": """
def conv_block(in_channels, out_channels, batch_norm=True):
    norm = [nn.GroupNorm(1, out_channels)] if batch_norm else []
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 4, 2, 1, bias=False), *norm,
                         nn.LeakyReLU(0.2))
""",
    "max_pooling": """
def conv_block(in_channels, out_channels, batch_norm=True):
    norm = [nn.BatchNorm2d(out_channels)] if batch_norm else []
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, 1, 1, bias=False), nn.MaxPool2d(2),
                         *norm, nn.LeakyReLU(0.2))
""",
}


@pytest.mark.parametrize("name", BLOCKS)
def test_right_block_passes(name):
    outcome = grade(BLOCKS[name], "conv_block")
    assert outcome.status == "passed", outcome.message


@pytest.mark.parametrize("mistake", WRONG_BLOCKS)
def test_wrong_block_is_named(mistake):
    outcome = grade(WRONG_BLOCKS[mistake], "conv_block")
    assert (outcome.status, outcome.mistake) == ("failed", mistake), outcome.message


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("def conv_block(i, o, batch_norm=True): return nn.Conv2d(o, i, 4, 2, 1)", "channels"),
        ("def conv_block(i, o): return nn.Conv2d(i, o, 4, 2, 1)", "argument"),
        ("def conv_block(i, o, batch_norm=True): return nn.Sequential()", "(8, 3, 8, 12)"),
        ("def conv_block(i, o, batch_norm=True): return nn.AvgPool2d(2)", "(8, 3, 4, 6)"),
        (
            "def conv_block(i, o, batch_norm=True):\n    if batch_norm:\n"
            "        return nn.Conv2d(i, o, 4, 2, 1)\n    raise NotImplementedError",
            "NotImplementedError",
        ),
    ],
)
def test_other_blocks_are_refused_in_words(cell, words):
    outcome = grade(cell, "conv_block")
    assert outcome.status == "failed"
    assert words in outcome.message
    assert "bug of the course" not in outcome.message


LOSSES = {
    "real_loss": [
        """
def real_loss(logits, smooth=False):
    criterion = nn.BCEWithLogitsLoss()
    labels = torch.ones(logits.shape[0], 1)
    if smooth:
        labels *= 0.9
    return criterion(logits, labels)
""",
        """
def real_loss(logits, smooth=False):
    t = 1 - 0.1 * smooth
    return F.binary_cross_entropy_with_logits(logits.flatten(), torch.tensor([t] * len(logits)))
""",
        """
def real_loss(logits, smooth=False):
    x = logits
    z = 0.9 if smooth else 1
    return torch.mean(x.clamp(min=0) - x * z + torch.log1p(torch.exp(-x.abs())))
""",
    ],
    "fake_loss": [
        """
def fake_loss(logits):
    return nn.BCEWithLogitsLoss()(logits, torch.zeros(logits.size()))
""",
        """
def fake_loss(logits):
    x = logits
    return torch.mean(x.clamp(min=0) + torch.log1p(torch.exp(-x.abs())))
""",
        """
def fake_loss(logits):
    return -nn.LogSigmoid()(-logits).mean().view(1)
""",
    ],
}


@pytest.mark.parametrize(("name", "cell"), [(n, c) for n, cells in LOSSES.items() for c in cells])
def test_right_loss_passes(name, cell):
    outcome = grade(cell, name)
    assert outcome.status == "passed", outcome.message


@pytest.mark.parametrize(
    ("name", "cell", "words"),
    [
        ("real_loss", "def real_loss(logits): return F.softplus(-logits).mean()", "argument"),
        ("real_loss", "def real_loss(logits, smooth=False): return logits.mean() * 0 + 3", "3"),
        ("fake_loss", "def fake_loss(logits): return (logits > 0).float().mean()", "yours"),
        ("fake_loss", "def fake_loss(logits): return 0.5 * F.softplus(logits).mean()", "yours"),
        ("fake_loss", "def fake_loss(logits): return None", "None"),
        ("fake_loss", "def fake_loss(logits): return F.softplus(logits).mean() + 1", ": yours is"),
        (
            "fake_loss",
            "def fake_loss(logits):\n"
            "    low = torch.log1p(torch.exp(logits))\n"
            "    return torch.where(logits > 20, logits, low).mean()",
            "is nan. Where exp",
        ),
        (
            "real_loss",
            "def real_loss(logits, smooth=False):\n"
            "    high = torch.log1p(torch.exp(-logits))\n"
            "    loss = torch.where(logits < -20, -logits, high)\n"
            "    return (loss + 0.1 * smooth * logits).mean()",
            "is nan. Where exp",
        ),
    ],
)
def test_other_losses_are_refused_in_words(name, cell, words):
    outcome = grade(cell, name)
    assert outcome.status == "failed"
    assert words in outcome.message
    assert "bug of the course" not in outcome.message


NAMED_LOSSES = {
    "batch_of_one_squeezed": "def fake_loss(logits):\n"
    "    return nn.BCEWithLogitsLoss()(logits.squeeze(), torch.zeros(logits.size(0)))",
    "exponential_overflows": "def fake_loss(logits):\n"
    "    return -torch.log(torch.sigmoid(-logits)).mean()",
    "hinge_without_smooth": "def real_loss(logits, smooth=False): return F.relu(1 - logits).mean()",
    "wasserstein_without_smooth": "def real_loss(logits, smooth=False): return -logits.mean()",
    "probabilities": "def real_loss(logits, smooth=False):\n"
    "    x = logits.clamp(-100, 100)\n"
    "    return F.binary_cross_entropy_with_logits(x, torch.full_like(x, 1 - 0.1 * smooth))",
}


@pytest.mark.parametrize("mistake", NAMED_LOSSES)
def test_wrong_loss_is_named(mistake):
    cell = NAMED_LOSSES[mistake]
    outcome = grade(cell, "fake_loss" if "fake_loss" in cell else "real_loss")
    assert (outcome.status, outcome.mistake) == ("failed", mistake), outcome.message


def test_every_mistake_of_a_network_reads_well():
    """What the learner reads: the label, what was seen, what to do."""
    for name in ("conv_block", "Discriminator"):
        exercise = check.lesson.exercises[name]
        for slug, mistake in exercise.mistakes.items():
            message = exercise.grade(mistake.wrong).message
            assert message.endswith(mistake.diagnosis), slug
            assert not any(bad in message for bad in ("..", "None", "  ", ":.")), message
            assert len(message) < 700, message


def test_importing_the_checks_loads_no_tensorflow():
    code = (
        "import sys, helpers.checks.discriminator; "
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
