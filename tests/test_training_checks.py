"""The checks of lesson 08 on answers that no bank holds: right ones in other styles, wrong ones.

``tests/test_checks.py`` tests banks and references. Here are cells as learners write them.
"""

import copy
import math
import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.checks import training as check
from helpers.pytorch import losses, training_failures

EXERCISES = check.lesson.exercises


def run(name, cell):
    """What the cell defines under the exercise's name."""
    names = {"torch": torch, "nn": nn, "F": F, "np": np, "math": math, "copy": copy}
    names |= {each: getattr(losses, each) for each in ("real_loss", "fake_loss", "generator_loss")}
    exec(cell, names)
    return names[name]


D_STEP = """
def discriminator_step(generator, discriminator, images, optimizer, latent_dim):
    z = torch.randn(len(images), latent_dim, device=images.device)
    fakes = generator(z).detach()
    loss = real_loss(discriminator(images)) + fake_loss(discriminator(fakes))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
"""
G_STEP = """
def generator_step(generator, discriminator, optimizer, batch_size, latent_dim):
    z = torch.randn(batch_size, latent_dim, device=next(generator.parameters()).device)
    fakes = generator(z)
    loss = generator_loss(discriminator(fakes))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
"""
SAMPLE = """
def sample_images(generator, z):
    training = generator.training
    generator.eval()
    with torch.no_grad():
        x = generator(z)
    generator.train(training)
    return ((x + 1) * 127.5).round().to(torch.uint8)
"""
CELLS = {"discriminator_step": D_STEP, "generator_step": G_STEP, "sample_images": SAMPLE}


def changed(name, *pairs):
    """The exercise's cell with some of its text replaced."""
    cell = CELLS[name]
    for old, new in pairs:
        assert cell.count(old) == 1, old
        cell = cell.replace(old, new)
    return cell


D_RIGHT = {
    "as it is": [],
    "a closure": [
        ("    optimizer.zero_grad()\n    loss.backward()\n    optimizer.step()\n", ""),
        (
            "    return",
            "    def closure():\n        optimizer.zero_grad()\n        loss.backward()\n"
            "        return loss\n    optimizer.step(closure)\n    return",
        ),
    ],
    "the closure's loss": [
        (
            "    loss = real_loss(discriminator(images)) + fake_loss(discriminator(fakes))\n"
            "    optimizer.zero_grad()\n    loss.backward()\n    optimizer.step()\n"
            "    return loss.item()",
            "    def closure():\n        optimizer.zero_grad()\n"
            "        loss = real_loss(discriminator(images)) + fake_loss(discriminator(fakes))\n"
            "        loss.backward()\n        return loss\n"
            "    return optimizer.step(closure).item()",
        ),
    ],
    "gradients asked for, cleared and set": [
        (
            "    optimizer.zero_grad()\n    loss.backward()\n",
            "    weights = list(discriminator.parameters())\n"
            "    gradients = torch.autograd.grad(loss, weights)\n    optimizer.zero_grad()\n"
            "    for w, g in zip(weights, gradients): w.grad = g\n",
        )
    ],
    "gradients of both halves, cleared between": [
        (
            "    optimizer.zero_grad()\n    loss.backward()\n",
            "    weights = list(discriminator.parameters())\n"
            "    one = torch.autograd.grad(real_loss(discriminator(images)), weights)\n"
            "    optimizer.zero_grad()\n"
            "    two = torch.autograd.grad(fake_loss(discriminator(fakes)), weights)\n"
            "    for w, g, h in zip(weights, one, two): w.grad = g + h\n",
        )
    ],
    "detached in place": [("generator(z).detach()", "generator(z).detach_()")],
    "detached at the discriminator": [
        ("generator(z).detach()", "generator(z)"),
        ("discriminator(fakes)", "discriminator(fakes.detach())"),
    ],
    "fakes that ask for gradients": [
        ("generator(z).detach()", "generator(z).detach().requires_grad_()")
    ],
    "the generator's own latent_dim": [
        ("randn(len(images), latent_dim", "randn(len(images), generator.latent_dim")
    ],
    "the fakes first": [
        (
            "real_loss(discriminator(images)) + fake_loss(discriminator(fakes))",
            "fake_loss(discriminator(fakes)) + real_loss(discriminator(images))",
        )
    ],
    "cleared twice": [
        ("    loss.backward()", "    discriminator.zero_grad()\n    loss.backward()")
    ],
    "train mode first": [("    z =", "    generator.train(); discriminator.train()\n    z =")],
    "a long noise, cut": [
        ("torch.randn(len(images), latent_dim, device=images.device)",
         "torch.randn(64, latent_dim, device=images.device)[:len(images)]")
    ],
    "probabilities": [
        (
            "real_loss(discriminator(images)) + fake_loss(discriminator(fakes))",
            "-(F.logsigmoid(discriminator(images)) + F.logsigmoid(-discriminator(fakes))).mean()",
        )
    ],
    "rounded": [("loss.item()", "round(loss.item(), 4)")],
    "a NumPy number": [("loss.item()", "np.float32(loss.item())")],
}  # fmt: skip
G_RIGHT = {
    "as it is": [],
    "frozen with no_grad around nothing": [
        ("    z =", "    for p in discriminator.parameters(): p.requires_grad_(False)\n    z ="),
        ("    return", "    discriminator.requires_grad_(True)\n    return"),
    ],
    "the discriminator's gradients cleared too": [
        ("    return", "    discriminator.zero_grad()\n    return")
    ],
    "gradients by hand through the fakes": [
        ("    loss.backward()", "    g, = torch.autograd.grad(loss, fakes)\n    fakes.backward(g)")
    ],
    "a minus that is right": [
        ("generator_loss(discriminator(fakes))", "-F.logsigmoid(discriminator(fakes)).mean()")
    ],
}
SAMPLE_RIGHT = {
    "as it is": [],
    "a copy of the generator": [
        ("    generator.eval()", "    generator = copy.deepcopy(generator).eval()")
    ],
    "a branch": [("    generator.train(training)", "    if training:\n        generator.train()")],
    "only the norms": [
        (
            "    generator.eval()",
            "    for m in generator.modules():\n        if isinstance(m, nn.BatchNorm2d): m.eval()",
        )
    ],
    "one by one": [("generator(z)", "torch.cat([generator(each[None]) for each in z])")],
    "half up": [("((x + 1) * 127.5).round()", "((x + 1) / 2 * 255 + 0.5).floor()")],
    "through NumPy": [
        (
            "((x + 1) * 127.5).round().to(torch.uint8)",
            "torch.from_numpy(np.uint8(np.round((x.numpy() + 1) * 127.5)))",
        )
    ],
    "recording switched off and on": [
        (
            "    with torch.no_grad():\n        x = generator(z)",
            "    torch.set_grad_enabled(False)\n    x = generator(z)\n"
            "    torch.set_grad_enabled(True)",
        )
    ],
}
#: Where z can be drawn: on the CPU and carried over, or on the device itself.
DRAWN = {
    "discriminator_step": [
        "torch.randn(N, latent_dim).to(images.device)",
        "torch.randn(N, latent_dim).to(images)",
        "torch.randn(N, latent_dim).type_as(images)",
        "torch.randn(N, latent_dim, device=str(images.device))",
        "torch.randn(N, latent_dim, device=generator.dense.weight.device)",
        "torch.randn(N, latent_dim, device='cuda' if images.is_cuda else 'cpu')",
        "torch.randn(N, latent_dim)\n    if images.is_cuda: z = z.cuda()",
        "torch.randn(N, latent_dim)\n    if images.device.type == 'cuda': z = z.to('cuda')",
        "torch.randn(N, latent_dim)\n    d = images.get_device()\n    if d >= 0: z = z.to(d)",
        "torch.randn_like(images.flatten(1)[:, :latent_dim])",
        "images.new_empty(N, latent_dim).normal_()",
        "torch.normal(0.0, 1.0, (N, latent_dim), device=images.device)",
        "torch.tensor(np.random.randn(N, latent_dim), dtype=images.dtype, device=images.device)",
        "torch.distributions.Normal(0.0, 1.0).sample((N, latent_dim)).to(images.device)",
        "torch.randn(N, latent_dim, device=images.device,"
        " generator=torch.Generator(images.device).manual_seed(int(torch.randint(9**9, ()))))",
    ],
    "generator_step": [
        "torch.randn(N, latent_dim, device=discriminator.dense.weight.device)",
        "torch.randn(N, latent_dim).to(optimizer.param_groups[0]['params'][0].device)",
        "next(generator.parameters()).detach().new_empty(N, latent_dim).normal_()",
        "torch.randn(N, latent_dim)\n    with torch.device(next(generator.parameters()).device):\n"
        "        z = torch.randn(N, latent_dim)",
    ],
}


@pytest.mark.parametrize(
    ("name", "drawn"), [(name, drawn) for name, all_of in DRAWN.items() for drawn in all_of]
)
def test_noise_may_come_to_the_device_in_any_way(name, drawn):
    size = {"discriminator_step": "len(images)", "generator_step": "batch_size"}[name]
    (line,) = [each for each in CELLS[name].splitlines() if each.startswith("    z = ")]
    cell = changed(name, (line, f"    z = {drawn.replace('N,', size + ',')}"))
    outcome = EXERCISES[name].grade(run(name, cell))
    assert outcome.status == "passed", outcome.message


RIGHT = [
    (name, changed(name, *pairs), what)
    for name, cells in (
        ("discriminator_step", D_RIGHT),
        ("generator_step", G_RIGHT),
        ("sample_images", SAMPLE_RIGHT),
    )
    for what, pairs in cells.items()
]


@pytest.mark.parametrize(
    ("name", "cell"), [each[:2] for each in RIGHT], ids=[f"{n}: {w}" for n, _, w in RIGHT]
)
def test_right_answers_in_other_styles_pass(name, cell):
    outcome = EXERCISES[name].grade(run(name, cell))
    assert outcome.status == "passed", outcome.message


WRONG = [
    # what, exercise, changes, mistake, words
    ("only D's gradients cleared", "generator_step",
     [("optimizer.zero_grad()", "discriminator.zero_grad()")], "no_zero_grad", "every .grad"),
    ("only G's gradients cleared", "discriminator_step",
     [("optimizer.zero_grad()", "generator.zero_grad()")], "no_zero_grad", "every .grad"),
    ("stepped, cleared, then backward", "discriminator_step",
     [("    optimizer.zero_grad()\n", "    optimizer.step()\n    optimizer.zero_grad()\n"),
      ("backward()\n    optimizer.step()", "backward()")], "step_before_backward",
     "before a backward()"),
    ("an optimiser of its own", "generator_step",
     [("    optimizer.zero_grad()", "    optimizer = torch.optim.Adam(generator.parameters())\n"
       "    optimizer.zero_grad()")], "not_the_optimizer", "never called"),
    ("both networks' optimiser", "generator_step",
     [("    return", "    with torch.no_grad():\n        for p in discriminator.parameters():\n"
       "            p -= 0.1 * p.grad\n    return")], "discriminator_moved", "by up to 0."),
    ("the discriminator under no_grad", "discriminator_step",
     [("    loss =", "    with torch.no_grad(): logits = discriminator(images)\n    loss ="),
      ("real_loss(discriminator(images))", "real_loss(logits)")], "no_grad_around_discriminator",
     "1 of 2 calls"),
    ("one half detached", "discriminator_step",
     [("discriminator(fakes))", "discriminator(fakes).detach())")], "backward_of_one",
     "1 x real images called real, instead"),
    ("all under no_grad", "generator_step",
     [("    fakes = generator(z)\n    loss =",
       "    with torch.no_grad():\n        fakes = generator(z)\n        loss =")],
     "no_grad", "without recording"),
    ("fakes through NumPy", "generator_step",
     [("generator(z)", "torch.from_numpy(generator(z).detach().numpy())")], "detached",
     "without history"),
    ("images one by one", "discriminator_step",
     [("discriminator(images))", "torch.cat([discriminator(i[None]) for i in images]))")], None,
     "batch of 1"),
    ("one z", "generator_step", [("randn(batch_size,", "randn(1,")], "one_vector", "batch of 1"),
    ("a flat z", "generator_step", [("randn(batch_size, latent_dim,", "randn(latent_dim,")], None,
     "shape (24,)"),
    ("a z for convolutions", "generator_step",
     [("torch.randn(batch_size, latent_dim", "torch.randn(batch_size, latent_dim, 1, 1")], None,
      "(16, 24, 1, 1)"),
    ("z that is uniform with deviation 1", "discriminator_step",
     [("    fakes =", "    z = (torch.rand(z.shape) * 2 - 1) * 3**0.5\n    fakes =")],
     "uniform_noise", "mean"),
    ("one z for ever", "generator_step",
     [("latent_dim, device=", "latent_dim, generator=torch.Generator().manual_seed(1), device=")],
     "noise_fixed", "again"),
    ("the gradient clipped", "discriminator_step",
     [("    optimizer.step()", "    nn.utils.clip_grad_value_(discriminator.parameters(), 1e-4)\n"
       "    optimizer.step()")], None, "% of the change"),
    ("noise on the fakes", "discriminator_step",
     [("generator(z).detach()", "generator(z).detach() + 0.1")], None, "what the generator made"),
    ("images in [0, 1]", "discriminator_step",
     [("discriminator(images)", "discriminator((images + 1) / 2)")], None, "images as they are"),
    ("a detached tensor", "discriminator_step", [("loss.item()", "loss.detach()")],
     "tensor_returned", "a tensor of shape ()"),
    ("a text", "generator_step", [("loss.item()", "f'{loss:.3f}'")], None, "returned a str"),
    ("another loss", "generator_step", [("loss.item()", "2 * loss.item()")], None, "It returned"),
    ("a loss made into a number", "generator_step",
     [("    loss.b", "    loss = torch.tensor(loss.item(), requires_grad=True)\n    loss.b")],
     "no_backward", "come back"),
    ("a critic's score", "generator_step",
     [("generator_loss(discriminator(fakes))", "-discriminator(fakes).mean()")],
     "arguments_swapped", "Wasserstein"),
    ("an undefined name", "generator_step", [("generator_loss(", "gen_loss(")], None,
     "name 'gen_loss' is not defined"),
    ("labels of another shape", "generator_step",
     [("generator_loss(discriminator(fakes))",
       "F.binary_cross_entropy_with_logits(discriminator(fakes), torch.ones(batch_size))")], None,
     "Target size"),
    ("the discriminator left in eval mode", "generator_step",
     [("    return", "    discriminator.eval()\n    return")], "left_in_eval", "discriminator"),
    ("the graph in the way", "sample_images",
     [("    with torch.no_grad():\n        x = ", "    x = "),
      ("((x + 1) * 127.5).round().to(torch.uint8)", "np.uint8(((x + 1) * 127.5).numpy())")],
     "graph", "requires grad"),
    ("only a single image", "sample_images", [("return (", "return (lambda y: y[0])(")], None,
     "shape (3, 32, 32)"),
    ("a list", "sample_images", [("torch.uint8)", "torch.uint8).tolist()")], None, "a list"),
    ("z rounded away", "sample_images", [("generator(z)", "generator(z.round())")], "other_z",
     "other numbers than z"),
    ("z in the wrong shape", "sample_images", [("generator(z)", "generator(z[..., None, None])")],
     None, "24, 1, 1)"),
    ("z in double precision", "sample_images", [("generator(z)", "generator(z.double())")], None,
     "torch.float64"),
    ("wraps round", "sample_images",
     [("((x + 1) * 127.5).round()", "(x * 255).to(torch.int64)")], "as_if_unit", "became"),
    ("the CPU's noise", "generator_step", [(", device=next(generator.parameters()).device", "")],
     "device_fixed", "on the CPU"),
    ("a device for all", "discriminator_step", [("images.device", "'cpu'")], "device_fixed",
     "images.device"),
    ("fakes that only ask for gradients", "generator_step",
     [("generator(z)", "generator(z).detach().requires_grad_()")], "detached", "a new tensor"),
    ("gradients thrown away", "discriminator_step",
     [("    optimizer.step()",
       "    for p in discriminator.parameters(): p.grad = None\n    optimizer.step()")], None,
     "as they were"),
    ("a loss of pixels", "discriminator_step",
     [("real_loss(discriminator(images)) + fake_loss(discriminator(fakes))",
       "real_loss(images) + fake_loss(fakes)")], "discriminator_left_out", "never called"),
    ("half returned", "discriminator_step", [("loss.item()", "loss.item() / 2")], "half_returned",
     "half of it"),
    ("the gradient's norm clipped", "discriminator_step",
     [("    optimizer.step()", "    nn.utils.clip_grad_norm_(discriminator.parameters(), 0.1)\n"
       "    optimizer.step()")], "rescaled", "x real images called real"),
    ("half the generator's loss", "generator_step",
     [("generator_loss(discriminator(fakes))", "0.5 * generator_loss(discriminator(fakes))")],
     "rescaled", "0.5 x fakes called real"),
    ("noise on a sphere", "discriminator_step",
     [("    fakes =", "    z = z / z.norm(dim=1, keepdim=True)\n    fakes =")], "other_noise",
     "standard deviation 0.2"),
    ("noise cut off at 1", "discriminator_step",
     [("    fakes =", "    z = z.clamp(-1, 1)\n    fakes =")], "other_noise", "from -1.00 to 1.00"),
    ("recording left off", "sample_images",
     [("    with torch.no_grad():\n        x = ", "    torch.set_grad_enabled(False)\n    x = ")],
     "gradients_left_off", "left it off"),
    ("a NumPy array", "sample_images", [("torch.uint8)", "torch.uint8).numpy()")], "numpy_array",
     "a NumPy array"),
    ("nothing", "sample_images", [("    return (", "    x = (")], "no_return", "returned None"),
    ("256 bins", "sample_images",
     [("((x + 1) * 127.5).round()", "((x + 1) / 2 * 256).floor().clamp(0, 255)")], "times_128",
     "127.5"),
    ("rounded and half added", "sample_images",
     [("127.5).round()", "127.5 + 0.5).round().clip(0, 255)")], "rounded_up", "nearest"),
    ("z cut in place", "sample_images", [("generator(z)", "generator(z.clamp_(-1, 1))")],
     "z_changed", "belongs to the caller"),
    ("more z", "sample_images", [("generator(z)", "generator(torch.randn(64, 24))")], "other_z",
     "64 vectors instead of 7"),
    ("too bright", "sample_images", [("((x + 1) * 127.5)", "((x + 1.2) * 110)")], None,
     "on the scale"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "pairs", "slug", "words"),
    [each[1:] for each in WRONG],
    ids=[f"{each[1]}: {each[0]}" for each in WRONG],
)
def test_wrong_answers_are_refused_and_told_why(name, pairs, slug, words):
    outcome = EXERCISES[name].grade(run(name, changed(name, *pairs)))
    assert (outcome.status, outcome.mistake) == ("failed", slug), outcome.message
    assert words in outcome.message


@pytest.mark.parametrize(
    ("pairs", "note"),
    [
        ([("generator(z).detach()", "generator(z)")], "slower"),
        ([("    loss =", "    loss = 0.5 * ("), ("(fakes))", "(fakes)))")], "half"),
        ([("real_loss(discriminator(images))", "real_loss(discriminator(images), True)")], "0.9"),
        ([], ""),
    ],
)
def test_what_is_right_but_unusual_is_said_below_the_verdict(pairs, note, capsys):
    EXERCISES["discriminator_step"].look_at(
        run("discriminator_step", changed("discriminator_step", *pairs))
    )
    shown = capsys.readouterr().out
    assert "Passed" in shown
    assert note in shown
    assert ("Printed" in shown) == bool(note)


def test_checking_leaves_the_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    for name, cell in CELLS.items():
        assert EXERCISES[name].grade(run(name, cell)).status == "passed"
    assert torch.equal(torch.rand(2), expected)


def test_checking_leaves_recording_for_gradients_as_it_was():
    for before in (True, False):
        with torch.set_grad_enabled(before):
            EXERCISES["sample_images"].grade(lambda generator, z: torch.set_grad_enabled(False))
            assert torch.is_grad_enabled() == before


def test_the_stub_is_not_attempted_even_where_a_first_line_is_written():
    cell = D_STEP.replace("    loss =", "    raise NotImplementedError\n    loss =")
    outcome = EXERCISES["discriminator_step"].grade(run("discriminator_step", cell))
    assert outcome.status == "not attempted"


# --- curves -------------------------------------------------------------------------------------


def test_every_stored_curve_has_one_letter():
    stored = training_failures.load_curves()
    curves = check.lettered_curves(stored)
    assert list(curves) == list("ABCDEF")
    assert sorted(training_failures.LETTERS.values()) == sorted(stored)
    for letter, curve in curves.items():
        assert np.array_equal(curve, stored[training_failures.read_curves(letter)])


def test_another_letter_is_refused_with_the_letters_there_are():
    with pytest.raises(ValueError, match="A, B, C, D, E, F, not 'G'"):
        training_failures.read_curves("G")


def test_the_description_of_the_figure_is_what_the_stored_curves_show():
    """Numbers of ``CURVES_IN_WORDS`` and of the diagnoses, against the data."""
    words = check.CURVES_IN_WORDS
    curves = check.lettered_curves(training_failures.load_curves())
    d, g = {k: c[:, 0] for k, c in curves.items()}, {k: c[:, 1] for k, c in curves.items()}
    assert np.allclose(d["A"], 2 * math.log(2), atol=0.01) and "1.39" in words
    assert np.allclose(g["A"], math.log(2), atol=0.01) and "0.69" in words
    assert d["B"][2:].max() < 0.05
    assert (round(g["B"][0]), round(g["B"][-1])) == (3, 11)
    assert round(d["C"][0], 1) == 1.3 and d["C"][:20].min() < 0.15
    assert round(g["C"][0], 1) == 0.9 and 3.5 < g["C"].max() < 4
    assert (round(d["C"][-1], 1), round(g["C"][-1], 1)) == (0.7, 1.7)
    assert (round(d["D"][0], 1), round(d["D"][-1], 1)) == (1.5, 4.8) and g["D"][-1] < 0.05
    assert d["E"].min() < 0.05 and round(d["E"].max(), 1) == 1.6
    assert (round(g["E"].min(), 1), round(g["E"].max(), 1)) == (1.4, 8.5)
    assert max(d["F"][20:].max(), g["F"][20:].max()) < 0.05
    jumps = {k: np.median(np.abs(np.diff(c, axis=0)), axis=0) for k, c in curves.items()}
    assert (jumps["E"] > 0.3).all()
    assert all((jumps[k] < 0.2).all() for k in "ABCDF")


def test_no_cause_is_given_away_by_the_description_of_the_figure():
    words = check.CURVES_IN_WORDS.lower()
    assert not re.search("healthy|win|updated|rate|swap|label|differen|broken", words)


def test_a_wrong_reading_is_answered_with_numbers_and_without_the_answer():
    wrong = {"B": "the discriminator's labels are swapped"}
    outcome = EXERCISES["read_curves"].grade(
        lambda letter: wrong.get(letter, training_failures.LETTERS[letter])
    )
    assert outcome.mistake == "b_as_swapped"
    assert "10.89" in outcome.message
    assert "the discriminator wins" not in outcome.message
