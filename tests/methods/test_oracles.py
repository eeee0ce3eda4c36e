"""Every method that another library has, against that library, on six networks: the rule and the settings of docs/oracles.md.

A few minutes on one core. What is slow on VGG-16 and ResNet-50 and done on the other networks is left to
``python benchmarks/agreement.py``, which writes the page.
"""

from __future__ import annotations

import functools
import math
import os
import pickle

import pytest
from peer_networks import NETWORKS, load
from peers import EXACT, METHODS, REASONS, ROUNDING, TIMES, compare, obstacle
from seeded_models import photographs

import saliency_widget as sw
from runs import function, last, relative

pytestmark = [pytest.mark.peers, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

LEAST = 21
"""Methods that are really compared on each network."""

TOO_SLOW = {
    *(("torchvision/vgg16", method) for method in ("score_cam", "ablation_cam", "xrai")),
    ("torchvision/resnet50", "deep_taylor"),
}

SCATTERED = [method for method, chosen in METHODS.items() if chosen.several]
"""Methods whose error in float32 is a matter of luck on any one picture: their errors are judged over all networks."""


@pytest.fixture(scope="module", autouse=True)
def _peers():
    for name in ("captum", "pytorch_grad_cam", "saliency", "zennit"):
        pytest.importorskip(name)


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    return request.param


ready = functools.lru_cache(maxsize=1)(load)  # one at a time: VGG-16 in float64 is a gigabyte


class Results:
    """What was compared already in this run of the tests, by whichever process: half of the work is asked for twice."""

    folder = None

    @classmethod
    def get(cls, method, network):
        kept = cls.folder / f"{method}-{network.replace('/', '-')}.pickle"
        if kept.exists():
            return pickle.loads(kept.read_bytes())  # noqa: S301 - written by this very run
        found = compare(method, ready(network))
        mine = kept.with_suffix(f".{os.getpid()}")
        mine.write_bytes(pickle.dumps(found))
        mine.replace(kept)  # whole, or not there
        return found


@pytest.fixture(scope="module", autouse=True)
def _results(tmp_path_factory):
    own = tmp_path_factory.getbasetemp()
    Results.folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "oracles"
    Results.folder.mkdir(exist_ok=True)


def asked(network):
    """The methods that are compared here on a network."""
    return [m for m in METHODS if obstacle(m, network) is None and (network, m) not in TOO_SLOW]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_agrees_with_the_peer_in_float64_and_is_no_less_exact_in_float32(network, method):
    if word := obstacle(method, network):
        pytest.skip(f"{word}: {REASONS[word]}")
    if method not in asked(network):
        pytest.skip("too slow on this network; python benchmarks/agreement.py does it")
    found = Results.get(method, network)
    assert found.double <= EXACT
    if method not in SCATTERED:
        assert found.broken is None


@pytest.mark.parametrize("method", SCATTERED)
def test_over_all_networks_the_error_in_float32_is_no_larger_than_the_peers(method):
    found = [Results.get(method, network) for network in NETWORKS if method in asked(network)]
    ours, theirs = (
        math.exp(sum(math.log(getattr(one, name) + 1e-300) for one in found) / len(found))
        for name in ("ours", "theirs")
    )
    assert len(found) >= 2
    assert ours <= max(TIMES * theirs, ROUNDING)


@functools.cache
def of_the_faster_copy(network):
    """Errors of integrated gradients in float32 on the faster copy and on the network as it is, for three photographs."""
    known = ready(network)
    modules = known.double[0], known.single[0], known.single[0]
    models = [sw.ImageModel(module, input_size=known.network.side, device="cpu") for module in modules]
    for model in models:
        model.discover(photographs()[0])
    exact, plain, fast = models[0], models[1].altered(), models[2]
    errors = []
    for image in photographs()[:3]:
        target = sw.Target(known.head, index=int(exact.predict(image)[known.head].logits.argmax()))
        truth, *found = (
            last(function(m, image, [target]), "integrated_gradients", steps=8) for m in (exact, fast, plain)
        )
        errors.append([relative(one, truth) for one in found])
    assert fast.tuning.of(fast, fast.input(photographs()[0])) is not fast
    return errors


def test_the_faster_copy_of_a_network_is_used_and_gives_the_same_map(network):
    assert max(ours for ours, _ in of_the_faster_copy(network)) < 0.05


def test_over_all_networks_the_faster_copy_is_no_less_exact_than_the_network_as_it_is():
    shares = [math.log(ours / plain) for network in NETWORKS for ours, plain in of_the_faster_copy(network)]
    assert math.exp(sum(shares) / len(shares)) < TIMES


def test_nearly_all_methods_are_compared_on_each_network():
    for network in NETWORKS:
        assert len(asked(network)) >= LEAST


def test_every_method_that_a_peer_has_is_compared_and_the_others_are_named():
    from agreement import ALONE

    assert not set(METHODS) & set(ALONE)
    assert set(METHODS) | set(ALONE) == set(sw.methods())


def test_every_reason_is_given_for_a_cell():
    assert {obstacle(method, network) for method in METHODS for network in NETWORKS} - {None} == set(REASONS)
