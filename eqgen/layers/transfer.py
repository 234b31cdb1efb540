"""From a layer for every size to one of a fixed size and back, with the weights carried over."""

import warnings
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from eqgen.common.arrays import Integers, SignedLabels, labels_of, signed_values
from eqgen.common.errors import DeclarationError, count
from eqgen.layers.execution.tensors import as_float64
from eqgen.layers.sized import bias_labels
from eqgen.orbitals.orbit_family import OrbitFamily
from eqgen.orbitals.orbits import Orbits
from eqgen.spaces.family import MappingFamily, Sizes, sizes_text
from eqgen.spaces.mapping import Mapping


@dataclass(frozen=True)
class Transfer:
    """How the numbers of a layer of one size are made of those of a layer for every size: `fixed = any[labels] * factor`.

    Attributes:
        labels: of each number for the one size, signed; 0 for what a layer for every size has not.
        factor: of each; with means the row size of the one over that of the other.
    """

    labels: SignedLabels
    factor: np.ndarray

    def there(self, values: np.ndarray) -> np.ndarray:
        """From every size to the one."""
        numbers: np.ndarray = signed_values(values, self.labels) * self._factor(values)
        return numbers

    def back(self, values: np.ndarray, kept: np.ndarray, what: str) -> np.ndarray:
        """From the one to every size; what the one has not is kept.

        Raises:
            DeclarationError: the numbers for one size are not those of any layer for every size.
        """
        found = kept.astype(np.float64)
        own = values / self._factor(values)
        signs = np.sign(self.labels).reshape(self._factor(values).shape)
        held = self.labels != 0
        found[labels_of(self.labels)[held]] = (own * signs)[held]
        if not np.allclose(self.there(found), values, rtol=1e-5, atol=1e-6 * float(np.abs(values).max(initial=0))):
            raise DeclarationError(
                f"{what}: these weights tell apart what is alike for every size, or use what is not there"
            )
        return found

    def _factor(self, values: np.ndarray) -> np.ndarray:
        return self.factor.reshape(-1, *[1] * (values.ndim - 1))


def at(layer: Any, sizes: dict[str, int]) -> Any:
    """A layer of a fixed size with the weights of a layer for every size: see `EquivariantDense.at`."""
    family = layer.mapping
    if not isinstance(family, MappingFamily):
        raise DeclarationError(f"{layer.declared.title} has no letters: at(...) belongs to a layer for every size")
    mapping = family.at(**sizes)
    own = {"declaration": mapping, "fingerprint": None, "sizes": None, "activation": layer.activation}
    fixed = type(layer).from_config({**layer.get_config(), **own})
    extra = int((kernel_transfer(layer, fixed, sizes).labels == 0).sum())
    if extra:
        words = f"{count(extra, 'orbit')} that larger sizes have not: {'its weight is' if extra == 1 else 'their weights are'} 0"
        warnings.warn(f"{family.in_short()} has for {sizes_text(sizes)} {words}", stacklevel=3)
    if layer.built:
        channels = () if layer.units is None else (int(layer.kernel.shape[1]),)
        points = mapping.input.shape if layer.layout == "grid" else (mapping.input.size,)
        fixed.build((None, *points, *channels))
        _assign(fixed, layer, sizes)
    return fixed


def take(layer: Any, other: Any) -> None:
    """Give a layer the weights of another one, of which one is for every size: see `EquivariantDense.take`."""
    if not (layer.built and getattr(other, "built", False)):
        raise DeclarationError("a layer has no weights yet: call it on an input, or build it with a shape")
    families = [isinstance(each.mapping, MappingFamily) for each in (layer, other)]
    if families == [True, True] and layer.mapping == other.mapping:
        layer.kernel.assign(other.kernel)
        if layer.use_bias and other.use_bias:
            layer.bias.assign(other.bias)
        return
    if families not in ([True, False], [False, True]):
        raise DeclarationError("take carries weights between a layer for every size and one of a fixed size")
    every, fixed = (layer, other) if families[0] else (other, layer)
    sizes = _sizes_of(every.mapping, fixed)
    for what in ("units", "aggregation", "use_bias"):
        if getattr(every, what) != getattr(fixed, what):
            raise DeclarationError(f"the layers differ in {what}: {getattr(every, what)} and {getattr(fixed, what)}")
    if layer is fixed:
        _assign(fixed, every, sizes)
        return
    what = f"{fixed.name!r} gives no weights for every size"
    kernel = kernel_transfer(every, fixed, sizes).back(as_float64(fixed.kernel), as_float64(every.kernel), what)
    every.kernel.assign(kernel)
    if every.use_bias:
        every.bias.assign(bias_transfer(every, fixed, sizes).back(as_float64(fixed.bias), as_float64(every.bias), what))


def kernel_transfer(every: Any, fixed: Any, sizes: Sizes) -> Transfer:
    """How the kernel of a fixed size is made of the kernel for every size."""
    found: OrbitFamily = every.orbits
    own: Orbits = fixed.orbits
    labels = found.stable_labels(own, sizes)
    if every.aggregation == "sum":
        return Transfer(labels, np.ones(own.rank))
    growths = found.row_growths
    stable = [growths[abs(label) - 1].at(sizes) if label else 1 for label in labels.tolist()]
    return Transfer(labels, own.subdegrees / np.array(stable))


def bias_transfer(every: Any, fixed: Any, sizes: Sizes) -> Transfer:
    """How the biases of a fixed size are made of those for every size."""
    points = bias_labels(every.mapping, every.bias_pattern, fixed.mapping, sizes)[:, 0]
    own = fixed.bias_pattern
    firsts: Integers = np.unique(own.labels[:, 0], return_index=True)[1]
    firsts = firsts[own.labels[firsts, 0] >= 0]
    return Transfer(points[firsts], np.ones(own.rank))


def _assign(fixed: Any, every: Any, sizes: Sizes) -> None:
    fixed.kernel.assign(kernel_transfer(every, fixed, sizes).there(as_float64(every.kernel)))
    if fixed.use_bias:
        fixed.bias.assign(bias_transfer(every, fixed, sizes).there(as_float64(every.bias)))


def _sizes_of(family: MappingFamily, fixed: Any) -> dict[str, int]:
    """The sizes at which a family is the mapping of a fixed layer."""
    mapping = fixed.mapping
    if isinstance(mapping, Mapping) and len(mapping.axes) == len(family.groups):
        pairs = zip(mapping.axes, family.groups, strict=True)
        several = [group.sizes_of(axis.group.degree) for axis, group in pairs if group is not None]
        for chosen in product(*several):
            sizes: dict[str, int] = {}
            for own in chosen:
                sizes |= own
            if (
                all(sizes[letter] == size for own in chosen for letter, size in own.items())
                and family.member(sizes) == mapping
            ):
                return sizes
    raise DeclarationError(f"{fixed.declared.title} is {family.in_short()} for no size")
