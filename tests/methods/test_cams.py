"""Class activation maps against closed forms and against each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

import saliency_widget as sw
from cam_models import CAMS, FAMILY, SIZE, Net, function, run, sharp, small_vit, square, wrapped
from saliency_widget.compute import ScoreFunction
from saliency_widget.errors import BadParameter, NotApplicable
from saliency_widget.methods import cam_forwards, cams, get, guided_grad_cam
from saliency_widget.methods.cam_forwards import _Line, mask
from saliency_widget.model import read_image
from saliency_widget.plan import prepare
from small_models import Linear, keep, picture, two_heads


def grid(model, method, target, layer=None, **params):
    """Return one map on the layer's grid."""
    return run(model, method, target, layer=layer, **params).attribution[0, 0].numpy()


def activations(model, layer=None):
    chunk = next(iter(function(model, 0).at(layer).each([function(model, 0).x])))
    return chunk.activations[0].numpy(), chunk.gradients[0, 0].numpy()


# -- closed forms -----------------------------------------------------------------------------------------------------


def test_behind_pooling_and_a_linear_layer_grad_cam_is_the_original_cam():
    model = wrapped(Net())
    maps, _ = activations(model)
    for target in range(4):
        weights = model.module.head.weight[target].detach().numpy()
        zhou = np.einsum("k,khw->hw", weights, maps) / maps[0].size
        for method in ("grad_cam", "hires_cam", "xgrad_cam"):
            np.testing.assert_allclose(grid(model, method, target), zhou, rtol=1e-11, atol=1e-15)
        positive = np.einsum("k,khw->hw", weights.clip(min=0), maps) / maps[0].size
        np.testing.assert_allclose(grid(model, "layer_cam", target), positive, rtol=1e-11, atol=1e-15)


def test_grad_cam_pp_behind_pooling_has_the_weight_that_its_formula_gives_by_hand():
    model = wrapped(Net())
    maps, _ = activations(model)
    for target in range(4):
        slope = model.module.head.weight[target].detach().numpy() / maps[0].size
        weights = np.where(slope > 0, maps[0].size * slope / (2 + slope * maps.sum((1, 2))), 0)
        by_hand = np.einsum("k,khw->hw", weights, maps)
        np.testing.assert_allclose(grid(model, "grad_cam_pp", target), by_hand, rtol=1e-11)


def test_hires_cam_and_xgrad_cam_add_up_to_the_score_without_its_bias_for_a_linear_head():
    model = wrapped(Net("linear"))
    for target in range(4):
        f = function(model, target)
        expected = float(f.scores(f.x[None])) - float(model.module.head.bias[target].detach())
        assert grid(model, "hires_cam", target).sum() == pytest.approx(expected, rel=1e-10)
        assert grid(model, "xgrad_cam", target).sum() == pytest.approx(expected, rel=1e-10)
        assert grid(model, "grad_cam", target).sum() != pytest.approx(expected, rel=1e-2)


def test_ablation_cam_of_a_linear_head_has_what_each_channel_adds_to_the_score_as_weight_from_its_first_estimate_on():
    model = wrapped(Net("linear"))
    maps, gradients = activations(model)
    by_hand = np.einsum("k,khw->hw", (maps * gradients).sum((1, 2)), maps)
    estimates = list(get("ablation_cam").estimates(function(model, 0), {"channels": 8}))
    assert estimates[0].done == 1
    assert estimates[-1].done == estimates[-1].total == 9
    for estimate in estimates:
        np.testing.assert_allclose(estimate.attribution[0, 0].numpy(), by_hand, rtol=1e-9)


def test_ablation_cam_is_the_fall_of_the_score_without_a_channel_times_the_channel():
    module = Net("bent")
    model = wrapped(module)
    maps, _ = activations(model)
    with torch.no_grad():
        features = torch.tensor(maps)[None]
        whole = module.head(features.flatten(1))[0]
        by_hand = torch.zeros(4, 6, dtype=torch.float64)
        for k in range(8):
            without = features.clone()
            without[:, k] = 0
            by_hand += (whole - module.head(without.flatten(1))[0])[2] * features[0, k]
    np.testing.assert_allclose(grid(model, "ablation_cam", 2), by_hand.numpy(), rtol=1e-10)


def test_score_cam_is_the_maps_weighted_by_the_softmax_of_the_scores_that_they_leave():
    module = Net("bent")
    with torch.no_grad():  # one channel is the same everywhere, which is no mask
        module.last.weight[2] = 0
        module.last.bias[2] = 5
    model = wrapped(module)
    f = function(model, 1)
    maps = torch.tensor(activations(model)[0])
    flat = maps.amax((1, 2)) == maps.amin((1, 2))
    assert bool(flat[2])
    assert float(maps[2].max()) > 0
    maps = maps[~flat]
    with torch.no_grad():
        large = interpolate(maps[None], (16, 24), mode="bilinear")[0]
        low, high = large.amin((1, 2), keepdim=True), large.amax((1, 2), keepdim=True)
        scores = module(f.x * ((large - low) / (high - low))[:, None])[:, 1]
    by_hand = torch.einsum("k,khw->hw", scores.softmax(0), maps)
    np.testing.assert_allclose(grid(model, "score_cam", 1), by_hand.numpy(), rtol=1e-10)


def test_guided_grad_cam_is_guided_backprop_times_the_enlarged_positive_part_of_grad_cam():
    model = wrapped(Net("bent"))
    guided = run(model, "guided_backprop", 3).attribution[0]
    where = run(model, "grad_cam", 3).attribution.clamp_min(0)
    expected = guided * interpolate(where, (16, 24), mode="bilinear")[0]
    found = run(model, "guided_grad_cam", 3).attribution[0]
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    assert float(found.abs().max()) > 0


def test_at_a_token_layer_the_maps_are_sums_over_the_image_tokens_alone():
    model = wrapped(small_vit(), (32, 32))
    model_layer = model.layer()
    assert (model_layer.kind, model_layer.prefix) == ("tokens", 1)
    kept = []
    block = model.module.get_submodule(model_layer.name)
    handle = block.register_forward_hook(lambda _m, _i, output: kept.append(output) or output.retain_grad())
    for weight in model.module.parameters():
        weight.requires_grad_(True)
    model.module.eval()(read_image(square()).tensor.double()[None])[0, 2].backward()
    handle.remove()
    tokens, gradients = (t[0, 1:].detach().numpy() for t in (kept[0], kept[0].grad))
    f = ScoreFunction(model, read_image(square()), [model.resolve(2)])
    estimate = next(get("grad_cam").estimates(f, {}))
    by_hand = (tokens @ gradients.mean(0)).reshape(4, 4)
    np.testing.assert_allclose(estimate.attribution[0, 0].numpy(), by_hand, rtol=1e-9)
    hires = (tokens * gradients).sum(1).reshape(4, 4)
    np.testing.assert_allclose(estimate.siblings["hires_cam"][0, 0].numpy(), hires, rtol=1e-9)


# -- signs, runs, layers ----------------------------------------------------------------------------------------------


def test_evidence_against_stays_negative():
    module = Net()
    with torch.no_grad():
        module.head.weight[0] = -module.head.weight[0].abs()
    model = wrapped(module)
    for method in ("grad_cam", "hires_cam", "xgrad_cam", "ablation_cam"):
        found = grid(model, method, 0)
        assert found.max() <= 0
        assert found.min() < 0
    for method in ("grad_cam_pp", "layer_cam"):
        assert not grid(model, method, 0).any()  # nothing argues for it, and their formulas count nothing else


def test_five_maps_of_three_targets_take_one_forward_and_three_backwards():
    model = wrapped(Net("bent"))
    f = function(model, 0, 1, 2)
    (estimate,) = get("grad_cam").estimates(f, {})
    assert set(estimate.siblings) == set(FAMILY[1:])
    assert (f.forwards, f.backwards) == (1, 3)
    assert all(m.shape == (3, 1, 4, 6) for m in (estimate.attribution, *estimate.siblings.values()))


def test_each_of_the_five_maps_asked_for_by_name_is_the_sibling_of_the_others():
    model = wrapped(Net("bent"))
    found = run(model, "grad_cam", 1)
    together = {"grad_cam": found.attribution} | dict(found.siblings)
    for method in FAMILY:
        assert torch.equal(run(model, method, 1).attribution, together[method])


@pytest.mark.parametrize("method", CAMS)
def test_a_map_does_not_depend_on_the_other_targets_or_on_the_chunk_size(method):
    model = wrapped(Net("bent"))
    chosen = get(method)
    params = chosen.validate({})
    alone = [list(chosen.estimates(function(model, t, chunk=1), params))[-1].attribution[0] for t in range(3)]
    together = list(chosen.estimates(function(model, 0, 1, 2, chunk=3), params))[-1].attribution
    torch.testing.assert_close(together, torch.stack(alone), rtol=1e-10, atol=1e-15)
    assert float(together.abs().max()) > 0


@pytest.mark.parametrize("method", CAMS)
def test_the_explanation_lies_over_the_whole_input(method):
    e = sw.explain(wrapped(Net("bent")), picture(*SIZE), 1, method)
    assert e.attribution.shape == (3 if method == "guided_grad_cam" else 1, 16, 24)
    assert e.layer == "relu"
    assert e.done == e.total
    assert np.isfinite(e.attribution).all()


@pytest.mark.parametrize("method", CAMS)
def test_a_relu_that_works_in_place_behind_the_layer_changes_nothing(method):
    plain, inplace = wrapped(Net("bent")), wrapped(Net("bent", inplace=True))
    maps = [run(model, method, 1, layer="last").attribution for model in (plain, inplace)]
    assert torch.equal(*maps)
    assert float(maps[0].abs().max()) > 0


def test_a_layer_by_the_name_of_a_module_inside_of_it_gives_the_same_map():
    model = wrapped(Net("bent"))
    for method in ("grad_cam", "ablation_cam"):
        assert torch.equal(*(run(model, method, 1, layer=name).attribution for name in ("first", "first.1")))


def test_an_unknown_layer_is_refused_with_the_nearest_name():
    with pytest.raises(BadParameter, match=r"layer 'relo' .*relu"):
        sw.explain(wrapped(Net()), picture(*SIZE), 1, "grad_cam", layer="relo")


def test_a_network_without_a_feature_map_has_no_cam():
    model = sw.ImageModel(Linear(), preprocess=keep, device="cpu")
    model.discover(picture())
    for method in CAMS:
        applies = get(method).applies(model)
        assert not applies
        assert "no feature map or token grid" in applies.reason
    with pytest.raises(NotApplicable, match="no feature map"):
        sw.explain(model, picture(), 1, "grad_cam")


def test_what_is_said_of_a_transformer_names_its_grid_and_the_missing_relu():
    model = wrapped(small_vit(), (32, 32))
    assert "4 x 4 image tokens" in get("grad_cam").applies(model).reason
    for method in ("grad_cam_pp", "xgrad_cam"):
        assert "derived for ReLUs" in get(method).applies(model).reason
    assert "plain gradient" in get("guided_grad_cam").applies(model).reason
    assert get("guided_grad_cam").applies(model).ok
    assert get("grad_cam").applies(wrapped(Net())).reason is None


def test_a_dead_layer_gives_zeros_and_not_nan():
    module = Net("bent")
    with torch.no_grad():
        module.last.weight.zero_()
        module.last.bias.fill_(-1)
    model = wrapped(module)
    for method in CAMS:
        assert not run(model, method, 1, layer="relu").attribution.any()


# -- Finer-CAM --------------------------------------------------------------------------------------------------------


def test_finer_cam_is_grad_cam_of_the_class_less_that_of_its_nearest_rivals_by_their_probabilities():
    model = wrapped(Net("bent", classes=6))
    f = function(model, 0)
    logits = model.module.eval()(f.x[None])[0].detach().numpy()
    each = np.stack([grid(model, "grad_cam", c) for c in range(6)])
    for target in range(6):
        rivals = sorted(set(range(6)) - {target}, key=lambda c: abs(logits[c] - logits[target]))[:3]
        shares = np.exp(logits[rivals]) / np.exp(logits[rivals]).sum()
        expected = each[target] - 0.7 * np.einsum("c,chw->hw", shares, each[rivals])
        found = grid(model, "finer_cam", target, compared=3, strength=0.7)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-14)


def test_finer_cam_of_all_targets_takes_two_forwards():
    f = function(wrapped(Net("bent")), 0, 1, 2)
    (estimate,) = get("finer_cam").estimates(f, {"compared": 2, "strength": 1.0})
    assert (f.forwards, f.backwards) == (2, 3 * 3)
    assert (estimate.done, estimate.total) == (3, 3)


def test_finer_cam_of_strength_zero_is_grad_cam():
    model = wrapped(Net("bent"))
    np.testing.assert_allclose(grid(model, "finer_cam", 1, strength=0), grid(model, "grad_cam", 1), rtol=1e-12)


def test_finer_cam_of_a_contrast_keeps_the_rival_that_it_names():
    model = wrapped(Net("bent"))
    contrast = sw.Target(next(iter(model.heads)), 1, versus=3)
    expected = grid(model, "grad_cam", contrast)
    np.testing.assert_allclose(grid(model, "finer_cam", contrast), expected, rtol=1e-10, atol=1e-15)
    half = grid(model, "grad_cam", 1) - 0.5 * grid(model, "grad_cam", 3)
    np.testing.assert_allclose(grid(model, "finer_cam", contrast, strength=0.5), half, rtol=1e-10, atol=1e-15)


def test_finer_cam_of_a_value_is_grad_cam_and_its_rivals_are_of_its_own_head():
    model = two_heads(torch.float64)
    f = ScoreFunction(model, read_image(picture()), [model.resolve("age"), model.resolve("style:gothic")])
    (finer,) = get("finer_cam").estimates(f, {"compared": 5, "strength": 1.0})
    (plain,) = get("grad_cam").estimates(f, {})
    torch.testing.assert_close(finer.attribution[0], plain.attribution[0])
    assert not torch.allclose(finer.attribution[1], plain.attribution[1])


class TwoClassifiers(nn.Module):
    """Two heads with classes over the same features."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = Net("bent"), Net("pooled", classes=9)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        features = self.one.relu(self.one.last(self.one.first(x)))
        return {"one": self.one.head(features.flatten(1)), "other": self.other.head(features.mean((2, 3)))}


def test_a_class_is_compared_with_classes_of_its_own_head_only():
    both, alone = wrapped(TwoClassifiers()), wrapped(Net("bent"))
    for target in range(4):
        found = run(both, "finer_cam", ("one", target), layer="one.relu", compared=2)
        expected = run(alone, "finer_cam", target, layer="relu", compared=2)
        torch.testing.assert_close(found.attribution, expected.attribution, rtol=1e-10, atol=1e-16)


def test_what_one_place_says_of_a_head_that_does_not_see_it_is_nothing_in_hires_cam_and_layer_cam_alone():
    # The others average a channel's gradient over the grid, so that they draw wherever the channel is active.
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = Net()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            features = self.net.relu(self.net.last(self.net.first(x)))
            return self.net.head(features[..., :3].mean((2, 3)))

    found = run(wrapped(Half()), "grad_cam", 1)
    together = {"grad_cam": found.attribution} | dict(found.siblings)
    unseen = {name for name, maps in together.items() if not maps[..., 3:].any()}
    assert unseen == {"hires_cam", "layer_cam"}


# -- running estimates ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["score_cam", "ablation_cam"])
def test_running_estimates_come_nearer_to_the_final_map(method):
    model = wrapped(sharp())
    estimates = list(get(method).estimates(function(model, 2, chunk=1), {"channels": 8}))
    final = estimates[-1].attribution
    errors = [float((e.attribution - final).norm() / final.norm()) for e in estimates]
    assert errors[-1] == 0
    assert 0.02 < errors[0] < 0.8
    assert errors[len(errors) // 2] < 0.5 * errors[0]
    assert [e.kind for e in estimates] == ["estimate"] * len(estimates)
    dones = [e.done for e in estimates]
    assert dones == sorted(dones)
    assert estimates[-1].final


@pytest.mark.parametrize("method", ["score_cam", "ablation_cam"])
def test_fewer_channels_take_fewer_forwards_and_guess_the_rest(method):
    model = wrapped(sharp())
    f = function(model, 2)
    few = list(get(method).estimates(f, {"channels": 3}))[-1]
    assert f.forwards == few.total == get(method).units({"channels": 3}, (16, 24)) == 4
    whole = run(model, method, 2).attribution
    assert 0 < float((few.attribution - whole).norm() / whole.norm()) < 0.5


def test_what_is_not_tried_yet_is_read_off_a_line_but_never_outside_of_what_was_seen():
    line = _Line(torch.tensor([[0.0, 1.0, 2.0, 3.0, 9.0]]))
    line.add(1, torch.tensor([5.0]))
    assert line.values().tolist() == [[5.0] * 5]
    line.add(3, torch.tensor([9.0]))
    assert line.values().tolist() == [[5.0, 5.0, 7.0, 9.0, 9.0]]
    assert line.count == 2


def test_a_mask_reaches_from_zero_to_one_and_a_flat_channel_is_none():
    generator = torch.Generator().manual_seed(0)
    found = mask(torch.randn(3, 5, generator=generator), (12, 30))
    assert (float(found.min()), float(found.max())) == (0, 1)
    assert not mask(torch.full((3, 5), 2.0), (12, 30)).any()


def test_the_methods_are_in_the_registry_with_their_family():
    homes = dict.fromkeys((*FAMILY, "finer_cam"), cams)
    homes |= {"score_cam": cam_forwards, "ablation_cam": cam_forwards, "guided_grad_cam": guided_grad_cam}
    for method in CAMS:
        chosen = get(method)
        assert (chosen.family, chosen.layer, chosen.run.__module__) == ("cam", True, homes[method].__name__)
        assert prepare(wrapped(Net()), picture(*SIZE), 0, method).layer == "relu"
