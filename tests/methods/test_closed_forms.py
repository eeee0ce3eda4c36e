"""Guided IG, Blur IG and AttnLRP where pen and paper say what they give: on linear models, on products, on one hidden layer.

Each expected map is worked out here with NumPy and SciPy alone, by other means than the methods' own.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import integrate, ndimage, special
from torch import nn
from torch.nn import functional as F

import saliency_widget as sw
from rule_models import Attending, seeded
from runs import estimates, function, last, relative
from small_models import keep


class Score(nn.Module):
    """A model of one score, which a function says."""

    def __init__(self, score):
        super().__init__()
        self.score = score

    def forward(self, images):
        return self.score(images)[:, None]


def asked(score, image):
    """Return the score function of a function of pictures (n, 3, h, w), at a picture (3, h, w)."""
    model = sw.ImageModel(Score(score), preprocess=keep, device="cpu", precision="float64")
    return function(model, np.moveaxis(np.asarray(image, dtype=np.float64), 0, -1), [0])


def colour(*values):
    """Return a picture of a single pixel, which has three values."""
    return np.reshape(values, (3, 1, 1))


def random_picture(height, width):
    """Return a picture in double precision that single precision, in which pictures are read, leaves as it is."""
    return np.random.default_rng(0).random((3, height, width), dtype=np.float32).astype(np.float64)


def dot(weight, images):
    """Return the weighted sums of pictures."""
    return (images * torch.as_tensor(weight)).flatten(1).sum(1)


def error(f, method, **params):
    return estimates(f, method, **params)[-1].quality[0][0].value


# -- Guided IG: staircases --------------------------------------------------------------------------------------------

STAIRS = {"fraction": 0.01, "max_dist": 1.0}
"""Only the value with the smallest gradient moves, as far as it likes."""


@pytest.mark.parametrize("steps", [4, 7, 31, 301])
def test_of_a_product_guided_ig_gives_all_to_the_smaller_factor_but_for_the_first_step(steps):
    # f = r g from (0, 0) to (a, b), a = 2 b. There both gradients are 0, so that the first step is straight, to (a, b) / N. From
    # then on the gradients are (b, a) / N: r goes first, all the way, which takes 2 (N - 1) / 3 steps, and earns b / N times
    # a (1 - 1 / N). The last (N - 1) / 3 steps take g the rest of its way, b (1 - 1 / N), at a gradient of a.
    a, b = 0.75, 0.375
    f = asked(lambda images: images[:, 0, 0, 0] * images[:, 1, 0, 0], colour(a, b, 0))
    rest = 1 - 1 / steps
    expected = colour(a * b * rest / steps, a * b * rest, 0)
    np.testing.assert_allclose(last(f, "guided_ig", steps=steps, **STAIRS)[0], expected, rtol=1e-9)
    assert error(f, "guided_ig", steps=steps, **STAIRS) == pytest.approx(1 / steps**2, rel=1e-6)


@pytest.mark.parametrize("green_leads", [False, True])
@pytest.mark.parametrize("max_dist", [0.0, 0.1, 0.3, 0.6])
def test_of_a_product_guided_ig_on_a_leash_goes_straight_between_two_corners(max_dist, green_leads):
    # In shares (p, q) of (a, b), a = 2 b, 2 p + q is three times the way. r leads until g, still at 0, is as far behind
    # as it may be: then r is at u = 3/2 max_dist. They go on side by side, p = q + u, until r has arrived; g comes after.
    # The integral of q dp is (1 - u)^2 / 2, that of p dq is (1 - u)^2 / 2 + u (1 - u) + u.
    # Of r (g + 0.5) the gradient is larger for r, so that g leads. Then it is the leader that may not go on, at u = 3/2 max_dist
    # again: the same with r for g, and r has 0.5 a on top.
    a, b, more = 0.75, 0.375, 0.5 * green_leads
    f = asked(lambda images: images[:, 0, 0, 0] * (images[:, 1, 0, 0] + more), colour(a, b, 0))
    u = 1.5 * max_dist
    first, second = a * b * (1 - u) ** 2 / 2, a * b * ((1 - u) ** 2 / 2 + u * (1 - u) + u)
    expected = colour(second + more * a, first, 0) if green_leads else colour(first, second, 0)
    few, many = (
        relative(last(f, "guided_ig", steps=n, fraction=0.01, max_dist=max_dist)[0], expected) for n in (100, 1000)
    )
    assert many < 2e-3
    assert few > 5 * many


def bends(images):
    """Return the score of three hidden units: all colours, red with green, green with blue."""
    r, g, b = images[:, :, 0, 0].unbind(1)
    return (r + 2 * g + 4 * b + 0.125).relu() + 5 * (r + g - 0.3125).relu() - 3 * (g + b - 0.4375).relu()


@pytest.mark.parametrize("sign", [1, -1])
def test_on_a_hidden_layer_guided_ig_takes_the_turns_that_the_units_ask_for(sign):
    # To (4, 3, 3) eighths by ten steps of one. The gradient is (1, 2, 4): r goes first. Its third step passes 2.5, and with the
    # second unit on the gradient is (6, 7, 4): r stops at 3, and b goes, three steps. Then r is the cheapest of what is
    # left, its last step at 6, and g comes last: one step at 7, which switches the third unit on, and two at 7 - 3.
    # A score that falls where this one rises takes the same turns.
    f = asked(lambda images: sign * bends(images), colour(0.5, 0.375, 0.375))
    expected = sign * colour(3 * 1 + 1 * 6, 1 * 7 + 2 * 4, 3 * 4) / 8
    np.testing.assert_allclose(last(f, "guided_ig", steps=10, **STAIRS)[0], expected, rtol=1e-9)


def test_on_a_hidden_layer_guided_ig_tends_to_the_integral_along_the_staircase():
    # The same turns, each where its unit switches on: r to 2.5, b all the way, r to 4, g to 0.5 and on to 3.
    f = asked(bends, colour(0.5, 0.375, 0.375))
    expected = colour(2.5 * 1 + 1.5 * 6, 0.5 * 7 + 2.5 * 4, 3 * 4) / 8
    assert expected.sum() == pytest.approx(float(f.scores(f.x[None])[0, 0]) - 0.125)
    few, many = (relative(last(f, "guided_ig", steps=n, **STAIRS)[0], expected) for n in (10, 990))
    assert many < 5e-3
    assert few > 10 * many


# -- Blur IG: waves ---------------------------------------------------------------------------------------------------


def damping(sigma, frequency):
    """Return what is left of a wave, mirrored at the borders, after a blur by a sampled Gaussian of four sigmas' reach."""
    places = np.arange(-int(4 * sigma + 0.5), int(4 * sigma + 0.5) + 1)
    kernel = np.exp(-0.5 * (places / sigma) ** 2) if sigma else np.ones(1)
    return float((kernel * np.cos(frequency * places)).sum() / kernel.sum())


def two_pixels(a, b):
    """Return the score function of red times red of a picture of two pixels, a and b."""
    image = np.zeros((3, 1, 2))
    image[0, 0] = a, b
    return asked(lambda images: images[:, 0, 0, 0] * images[:, 0, 0, 1], image)


@pytest.mark.parametrize(("rule", "shift"), [("midpoint", 0.5), ("sharp_end", 0.0)])
@pytest.mark.parametrize("steps", [1, 7, 50])
def test_of_a_product_of_two_pixels_blur_ig_is_a_sum_along_their_difference(rule, shift, steps):
    # Two pixels keep their mean m under a blur, and their difference shrinks: they are m + d and m - d, and each is the
    # other's gradient.
    f, mean, half, largest = two_pixels(0.875, 0.25), 0.5625, 0.3125, 1.2
    d = [half * damping(largest * i / steps, math.pi / 2) for i in range(steps + 1)]
    at = [half * damping(largest * (i + shift) / steps, math.pi / 2) for i in range(steps)]
    moves = [(at[i], d[i] - d[i + 1]) for i in range(steps)]
    expected = [sum((mean - p) * move for p, move in moves), sum((mean + p) * -move for p, move in moves)]
    found = last(f, "blur_ig", steps=steps, max_sigma=largest, rule=rule)[0]
    np.testing.assert_allclose(found[0, 0], expected, rtol=1e-9)
    assert np.abs(found[1:]).max() == 0


@pytest.mark.parametrize("sqrt", [False, True])
def test_of_a_product_of_two_pixels_blur_ig_tends_to_an_integral_that_only_the_ends_decide(sqrt):
    # The integral of (m - d) dd is m d - d^2 / 2, that of (m + d) d(-d) is -m d - d^2 / 2, between the difference of the sharp
    # picture and that of the blurred one. Of the blur's product, m^2 - d^2, the mean's part is nobody's.
    f, mean, half, largest = two_pixels(0.875, 0.25), 0.5625, 0.3125, 1.2
    blurry = half * damping(largest**0.5 if sqrt else largest, math.pi / 2)
    linear, square = mean * (half - blurry), (half**2 - blurry**2) / 2
    expected = [linear - square, -linear - square]
    errors = [
        relative(last(f, "blur_ig", steps=steps, max_sigma=largest, sqrt=sqrt)[0, 0, 0], expected)
        for steps in (10, 1000)
    ]
    assert errors[1] < 1e-5 < errors[0]


def test_of_a_hidden_layer_of_relus_blur_ig_counts_the_change_between_switches():
    # A wave stays a wave under a blur, exp(-sigma^2 omega^2 / 2) as high. A unit that looks for a wave and switches at a share of
    # its height has a constant gradient on its own side of that: the first two are on while the wave is high, the third is
    # on while it is low, down to what the path starts from.
    length, height, largest = 48, 0.4, 20.0
    slow, fast = (np.cos(math.pi * k / length * (np.arange(length) + 0.5)) for k in (2, 3))
    image = np.zeros((3, 1, length))
    image[0, 0], image[1, 0] = 0.5 + height * slow, 0.5 + height * fast
    red, green = np.zeros_like(image), np.zeros_like(image)
    red[0, 0], green[1, 0] = slow, fast
    full = height * length / 2  # what a unit sees of the sharp wave

    def score(images):
        one, two = dot(red, images), dot(green, images)
        return (one - full / 2).relu() - 2 * (two - full / 4).relu() + 3 * (full / 3 - one).relu()

    left = math.exp(-0.5 * (largest * math.pi * 2 / length) ** 2)
    expected = np.zeros_like(image)
    expected[0, 0] = height * slow**2 * ((1 - 1 / 2) - 3 * (1 / 3 - left))
    expected[1, 0] = height * fast**2 * -2 * (1 - 1 / 4)
    f = asked(score, image)
    few, many = (relative(last(f, "blur_ig", steps=n, max_sigma=largest)[0], expected) for n in (10, 1000))
    assert many < 1e-3
    assert few > 10 * many


class Squares:
    """A hidden layer of three units that square: its score, and its gradient worked out by hand."""

    def __init__(self, shape):
        draws = np.random.default_rng(5)
        self.weight, self.out = draws.normal(size=(3, *shape)), np.array([1.0, -0.5, 2.0])

    def __call__(self, images):
        return sum(v * dot(w, images).square() for v, w in zip(self.out, self.weight, strict=True))

    def gradient(self, image):
        return sum(2 * v * (w * image).sum() * w for v, w in zip(self.out, self.weight, strict=True))


def blur(image, sigma, truncate=4.0):
    return ndimage.gaussian_filter(image, (0, sigma, sigma), truncate=truncate) if sigma else image


def test_of_a_hidden_layer_of_squares_blur_ig_is_the_sum_along_the_path():
    image = random_picture(5, 6)
    squares, steps, largest = Squares(image.shape), 45, 4.0
    edges = [blur(image, largest * i / steps) for i in range(steps + 1)]
    expected = sum(
        squares.gradient(blur(image, largest * (i + 0.5) / steps)) * (sharp - blurry)
        for i, (sharp, blurry) in enumerate(itertools.pairwise(edges))
    )
    assert relative(last(asked(squares, image), "blur_ig", steps=steps, max_sigma=largest)[0], expected) < 1e-12


@pytest.mark.parametrize("sqrt", [False, True])
def test_of_a_hidden_layer_of_squares_blur_ig_tends_to_the_integral_over_sigma(sqrt):
    # The integral of the gradient times minus the derivative with respect to sigma, of a blur with no end to its Gaussian.
    # Below a sigma of 0.05 nothing changes in double precision.
    image = random_picture(5, 6)
    squares, largest, little = Squares(image.shape), 4.0, 1e-4

    def derivative(sigma):
        return (blur(image, sigma + little, 9.0) - blur(image, sigma - little, 9.0)) / (2 * little)

    expected, uncertain = integrate.quad_vec(
        lambda sigma: squares.gradient(blur(image, sigma, 9.0)) * -derivative(sigma),
        0.05,
        largest**0.5 if sqrt else largest,
        epsrel=1e-7,
    )
    assert uncertain < 1e-5 * np.linalg.norm(expected)
    f = asked(squares, image)
    few, many = (relative(last(f, "blur_ig", steps=n, max_sigma=largest, sqrt=sqrt)[0], expected) for n in (10, 1000))
    assert many < 1e-4
    assert few > 10 * many


# -- AttnLRP: shares --------------------------------------------------------------------------------------------------

PICTURE = random_picture(4, 4)
ONE, TWO, THREE = np.random.default_rng(2).normal(size=(3, 3, 4, 4))
A, B, C = (float((weight * PICTURE).sum()) for weight in (ONE, TWO, THREE))


def relevance(score):
    f = asked(score, PICTURE)
    return last(f, "attnlrp")[0], error(f, "attnlrp")


def test_of_a_linear_model_attnlrp_gives_each_value_its_term_and_the_bias_keeps_its_own():
    found, missing = relevance(lambda images: dot(ONE, images) + 0.75)
    np.testing.assert_allclose(found, ONE * PICTURE, rtol=1e-12)
    assert missing == pytest.approx(0.75 / abs(A + 0.75), rel=1e-9)


@pytest.mark.parametrize(
    "product",
    [
        lambda a, b: a * b,
        torch.mul,
        lambda a, b: (a[:, None, None] @ b[:, None, None])[:, 0, 0],
        lambda a, b: torch.bmm(a[:, None, None], b[:, None, None])[:, 0, 0],
    ],
    ids=["times", "mul", "matmul", "bmm"],
)
def test_of_a_product_attnlrp_gives_each_factor_half(product):
    found, missing = relevance(lambda images: product(dot(ONE, images), dot(TWO, images)))
    np.testing.assert_allclose(found, A * B * (ONE / A + TWO / B) / 2 * PICTURE, rtol=1e-10)
    assert missing < 1e-12


def test_of_a_product_of_three_attnlrp_gives_half_to_the_last_and_half_to_what_it_was_multiplied_with():
    found, missing = relevance(lambda images: dot(ONE, images) * dot(TWO, images) * dot(THREE, images))
    shares = (ONE / A / 4 + TWO / B / 4 + THREE / C / 2) * PICTURE
    np.testing.assert_allclose(found, A * B * C * shares, rtol=1e-10)
    assert missing < 1e-12


def test_of_a_product_with_a_constant_part_attnlrp_leaves_that_parts_share_out():
    found, missing = relevance(lambda images: dot(ONE, images) * (dot(TWO, images) + 0.5))
    np.testing.assert_allclose(found, ((B + 0.5) * ONE + A * TWO) / 2 * PICTURE, rtol=1e-10)
    assert missing == pytest.approx(0.5 * 0.5 / abs(B + 0.5), rel=1e-9)


@pytest.mark.parametrize("bias", [0.0, 0.3])
@pytest.mark.parametrize(
    ("activation", "share"),
    [
        (torch.relu, lambda z: z > 0),
        (F.gelu, special.ndtr),
        (
            lambda z: F.gelu(z, approximate="tanh"),
            lambda z: (1 + np.tanh((2 / np.pi) ** 0.5 * (z + 0.044715 * z**3))) / 2,
        ),
        (F.silu, special.expit),
        (lambda z: F.leaky_relu(z, 0.2), lambda z: np.where(z > 0, 1, 0.2)),
    ],
    ids=["relu", "gelu", "gelu of tanh", "silu", "leaky relu"],
)
def test_of_one_hidden_layer_attnlrp_gives_each_unit_what_it_lets_through(activation, share, bias):
    # A unit lets a share of its sum through: all or nothing in a ReLU, the normal distribution's in a GELU. It hands back what
    # it has to the values in proportion to their terms; its bias keeps its own.
    weight = np.random.default_rng(3).normal(size=(5, 3, 4, 4)) / 3
    out = np.array([1.0, -2.0, 0.5, 3.0, 1.5])

    def score(images):
        hidden = torch.stack([activation(dot(w, images) + bias) for w in weight], 1)
        return F.linear(hidden, torch.as_tensor(out)[None])[:, 0]

    sums = (weight * PICTURE).sum((1, 2, 3)) + bias
    assert sums.min() < 0 < sums.max()
    through = out * share(sums)
    found, missing = relevance(score)
    np.testing.assert_allclose(found, (through[:, None, None, None] * weight).sum(0) * PICTURE, rtol=1e-9, atol=1e-13)
    assert missing == pytest.approx(abs(through.sum() * bias / (through * sums).sum()), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("fused", [True, False])
def test_of_one_token_attnlrp_hands_back_half_of_what_attention_gives(fused):
    # A single token attends to itself alone, with probability 1 whatever it is: the network is linear. The product of probability
    # and value gives half to each, and the probability has no one to hand it to.
    model = sw.ImageModel(seeded(lambda: Attending(fused=fused)).double().eval(), preprocess=keep, device="cpu")
    embed, qkv, head = (p.detach().numpy() for p in model.module.parameters())
    f = function(model, np.moveaxis(PICTURE, 0, -1), [0, 2])
    assert sw.methods()["attnlrp"].applies(model).ok
    value = qkv[12:]
    ours = last(f, "attnlrp")
    for place, target in enumerate((0, 2)):
        weight = np.tensordot(head[target] @ (np.eye(6) + value / 2), embed, 1)
        np.testing.assert_allclose(ours[place], weight * PICTURE, rtol=1e-9, atol=1e-14)
