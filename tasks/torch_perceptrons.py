"""Several perceptrons of one shape as one: forward passes and gradients by batched matrix products.

The gradients are written out (Rumelhart, Hinton, Williams 1986, equations 4 to 7), which saves the bookkeeping of
automatic differentiation. Outputs lie with classes before rows, because a softmax over the last of few columns leaves
the vector unit of a CPU idle.

Suffix letters name axes: K trainings, B rows of a batch, I inputs and O outputs of a layer, P parameters of a network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from carps_lite.tasks.torch_dropout import Masks


class Activation(NamedTuple):
    """A function, and its gradient from that of its value and its argument; relu, in place, from its value."""

    value: Callable[[torch.Tensor], torch.Tensor]
    gradient: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


ACTIVATIONS: Mapping[str, Activation] = {
    "relu": Activation(torch.relu_, lambda d, z: torch.ops.aten.threshold_backward(d, z, 0)),
    "gelu": Activation(functional.gelu, torch.ops.aten.gelu_backward),
    "silu": Activation(functional.silu, torch.ops.aten.silu_backward),
}


class Layer(NamedTuple):
    """Weights (K, O, I) and biases (K, O) of one layer, or their gradients: views of the rows of all parameters."""

    weights_KOI: torch.Tensor
    bias_KO: torch.Tensor


class Perceptrons:
    """K perceptrons: `parameters_KP` holds a network a row in torch's order, `gradients_KP` what `step` found last.

    Products are taken in `dtype`; parameters, gradients and losses keep 32 bits.
    """

    def __init__(
        self, networks: Sequence[nn.Module], activation: str, device: torch.device, dtype: torch.dtype = torch.float32
    ) -> None:
        rows = [nn.utils.parameters_to_vector(network.parameters()).detach() for network in networks]
        shapes = [(m.out_features, m.in_features) for m in networks[0].modules() if isinstance(m, nn.Linear)]
        self.parameters_KP = torch.stack(rows).to(device)
        self.gradients_KP = torch.zeros_like(self.parameters_KP)
        self.layers, self.gradients = (_views(t, shapes) for t in (self.parameters_KP, self.gradients_KP))
        self.activation, self.dtype = ACTIVATIONS[activation], dtype
        self.widths = [n_out for n_out, _ in shapes]

    def outputs(self, x_KBI: torch.Tensor) -> torch.Tensor:
        """Outputs of shape (K, O, B), without dropout."""
        for layer in self.layers[:-1]:
            x_KBI = self.activation.value(self._hidden(layer, x_KBI))
        return self._last(x_KBI)

    def step(self, x_KBI: torch.Tensor, targets_KB: torch.Tensor, masks: Masks | None) -> torch.Tensor:
        """Fill `gradients_KP` with those of each training's mean loss; return the outputs, shape (K, O, B)."""
        drawn = [None] * (len(self.layers) - 1) if masks is None else masks.draw()
        inputs, sums = [x_KBI.to(self.dtype)], []
        for layer, mask in zip(self.layers[:-1], drawn, strict=True):
            sums.append(self._hidden(layer, inputs[-1]))
            value = self.activation.value(sums[-1])
            inputs.append(value if mask is None else value.mul_(mask))
        outputs_KOB = self._last(inputs[-1])
        slope_KOB = slopes(outputs_KOB, targets_KB).to(self.dtype)
        self._fill(-1, slope_KOB, inputs[-1])
        if sums:
            slope_KBO = torch.bmm(slope_KOB.transpose(1, 2), self.layers[-1].weights_KOI.to(self.dtype))
            self._backward(slope_KBO, inputs, sums, drawn)
        return outputs_KOB

    def _backward(
        self,
        slope_KBO: torch.Tensor,
        inputs: Sequence[torch.Tensor],
        sums: Sequence[torch.Tensor],
        drawn: Sequence[torch.Tensor | None],
    ) -> None:
        """From the slope of the loss along the values of the last hidden layer down to the first layer."""
        for i in reversed(range(len(sums))):
            mask = drawn[i]
            if mask is not None:
                slope_KBO = slope_KBO.mul_(mask)
            slope_KBO = self.activation.gradient(slope_KBO, sums[i])
            self._fill(i, slope_KBO.transpose(1, 2), inputs[i])
            if i:
                slope_KBO = torch.bmm(slope_KBO, self.layers[i].weights_KOI.to(self.dtype))

    def _fill(self, i: int, slope_KOB: torch.Tensor, x_KBI: torch.Tensor) -> None:
        self.gradients[i].weights_KOI.copy_(torch.bmm(slope_KOB, x_KBI))
        self.gradients[i].bias_KO.copy_(slope_KOB.sum(2))

    def _hidden(self, layer: Layer, x_KBI: torch.Tensor) -> torch.Tensor:
        weights_KOI, bias_KO = (t.to(self.dtype) for t in layer)
        return torch.baddbmm(bias_KO[:, None], x_KBI.to(self.dtype), weights_KOI.transpose(1, 2))

    def _last(self, x_KBI: torch.Tensor) -> torch.Tensor:
        weights_KOI, bias_KO = (t.to(self.dtype) for t in self.layers[-1])
        return torch.baddbmm(bias_KO[:, :, None], weights_KOI, x_KBI.to(self.dtype).transpose(1, 2)).float()


def losses(outputs_KOB: torch.Tensor, targets_KB: torch.Tensor) -> torch.Tensor:
    """Each training's mean loss, shape (K,): cross-entropy of classes (int64), squared error of numbers."""
    if targets_KB.is_floating_point():
        return (outputs_KOB.squeeze(1) - targets_KB).square().mean(1)
    return -torch.log_softmax(outputs_KOB, 1).gather(1, targets_KB[:, None]).mean((1, 2))


def slopes(outputs_KOB: torch.Tensor, targets_KB: torch.Tensor) -> torch.Tensor:
    """The derivative of `losses` by the outputs, shape (K, O, B)."""
    n = targets_KB.shape[1]
    if targets_KB.is_floating_point():
        return (outputs_KOB - targets_KB[:, None]).mul_(2 / n)
    chances_KOB = torch.softmax(outputs_KOB, 1)
    minus_one = torch.full((1, 1, 1), -1.0, device=outputs_KOB.device).expand(len(targets_KB), 1, n)
    return chances_KOB.scatter_add_(1, targets_KB[:, None], minus_one).mul_(1 / n)


def _views(rows_KP: torch.Tensor, shapes: Sequence[tuple[int, int]]) -> list[Layer]:
    found, start = [], 0
    for n_out, n_in in shapes:
        end = start + n_out * n_in
        weights_KOI = rows_KP[:, start:end].unflatten(1, (n_out, n_in))
        start = end + n_out
        found.append(Layer(weights_KOI, rows_KP[:, end:start]))
    return found
