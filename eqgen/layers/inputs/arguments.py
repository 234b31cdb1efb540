"""What a layer is told: its declaration, a symmetry or a typed pattern as one value, and its other arguments, checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from eqgen.common.arrays import Integers, SignedLabels
from eqgen.common.errors import DeclarationError, checked_choice, checked_flag, in_short, is_whole, shortened
from eqgen.orbitals.declare import looks_like_mapping
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.orbitals.fingerprint import LENGTH, earlier_fingerprint
from eqgen.orbitals.orbit_family import OrbitFamily
from eqgen.orbitals.orbit_family import orbits as orbits_of_any_size
from eqgen.orbitals.orbits import Orbits, bias_pattern, orbits
from eqgen.orbitals.pattern import Pattern
from eqgen.orbitals.pattern import pattern as as_pattern
from eqgen.spaces.family import MappingFamily
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.pair_action import PairAction

PROBES = np.array([[1e-3, 0.1, 0.5, 1.0, 1.7, 2.5, 3.5, 6.5, 20.0, 1e2, 1e4, 1e6]], dtype="float32")
"""An activation is odd when f(-x) = -f(x); it is tried here, to rounding. Samples are no proof: `verify` tries more."""


@dataclass(frozen=True, eq=False)
class Declared:
    """The orbits of a mapping, or a typed pattern.

    Attributes:
        source: the one or the other: what a program is planned for; it knows `rank`, `subdegrees` and `orbitals_per_row`.
        mapping: None for a typed pattern.
        kind: "symmetry of" or "pattern", for messages, ...
        title: ... and what follows, ...
        short_title: ... and the same where it is long.
    """

    source: Orbits | OrbitFamily | Pattern
    mapping: Mapping | MappingFamily | None
    kind: str
    title: str
    short_title: str

    @property
    def pattern(self) -> Pattern:
        """The symbolic weight matrix; of a mapping it is made when it is first asked for."""
        return self.source if isinstance(self.source, Pattern) else self.source.pattern

    @property
    def numbered(self) -> Orbits | Pattern:
        """What tells which pairs share a number; of any size the orbits for few points, which decide all."""
        return self.source.stable if isinstance(self.source, OrbitFamily) else self.source

    @property
    def fixed(self) -> Mapping | None:
        """The mapping, for few points where the size is left open."""
        return self.mapping.stable if isinstance(self.mapping, MappingFamily) else self.mapping

    def signed_at(self, columns: Integers) -> SignedLabels:
        """What is declared in some columns, (m, columns); no table is made for it."""
        if isinstance(self.numbered, Orbits):
            return self.numbered.form.at(np.arange(self.numbered.shape[0]), columns)
        return self.numbered.signed_labels[:, columns]

    @property
    def text(self) -> str:
        """The declaration, which parses back to the same whatever the catalogue says."""
        return str(self.source) if self.mapping is None else self.mapping.without_catalogue()

    def read_bias(self, use_bias: bool, bias: str | Pattern | None) -> Pattern | None:
        """Which outputs share a bias, as a column, (m, 1); None without a bias.

        Raises:
            DeclarationError: it is typed though a mapping decides it, or missing or of other outputs where it has to be typed.
        """
        m = self.numbered.shape[0]
        if self.mapping is not None and bias is not None:
            raise DeclarationError(
                "the mapping decides which outputs share a bias: drop bias=... and say use_bias=True"
            )
        if self.fixed is not None and use_bias:
            shared, generator = bias_pattern(self.fixed), flipping(self.fixed)
            if shared.rank == 0 and generator is not None:
                raise DeclarationError(
                    f"no output of {self.title} can have a bias: {generator.name} flips its sign, so it would "
                    "have to be its own negative; drop use_bias"
                )
            return shared
        if use_bias and bias is None:
            raise DeclarationError(
                "a typed pattern does not say which outputs share a bias: name them, one letter for each row, as in "
                f'bias="{" ".join("a" * min(m, 4))}"'
            )
        if bias is None:
            return None
        typed = as_pattern(bias)
        if typed.shape != (1, m):
            rows, columns = typed.shape
            raise DeclarationError(
                f"bias has {f'{rows} rows of ' if rows > 1 else ''}{columns} entries, the pattern has {m} rows: write one row "
                "with one letter for each output"
            )
        return _transposed(typed)

    def config(self, bias: Pattern | None) -> dict[str, Any]:
        """What a saved layer holds of this, and of the bias where it was typed in."""
        typed = None if bias is None or self.mapping is not None else str(_transposed(bias))
        return {"declaration": self.text, "bias": typed}

    def check_rank(self) -> None:
        """Stop at what leaves no parameter."""
        if not self.source.rank:
            raise DeclarationError(
                f"the {self.kind} {self.title} forces every weight to zero, so the layer would answer 0 to everything: use "
                "another output space, or a bias"
            )


def read_declaration(declaration: Any, *, any_size: bool = False) -> Declared:
    """What a layer is declared by, from a Mapping, its Orbits, a Pattern, or the text of a mapping or pattern.

    Args:
        declaration: these.
        any_size: whether sizes may be left open.

    Raises:
        DeclarationError: it cannot be read.
    """
    if isinstance(declaration, OrbitFamily) and not any_size:
        declaration = declaration.family
    if isinstance(declaration, (Orbits, OrbitFamily)):
        mapping = declaration.mapping if isinstance(declaration, Orbits) else declaration.family
        return Declared(declaration, mapping, "symmetry of", mapping.in_short(), in_short(mapping.in_short()))
    if looks_like_mapping(declaration):
        found = orbits_of_any_size(declaration) if any_size else orbits(as_mapping(declaration))
        return read_declaration(found, any_size=any_size)
    typed = as_pattern(declaration).in_order_of_appearance()
    return Declared(typed, None, "pattern", typed.in_one_line(), typed.in_one_line())


def check_fingerprint(
    name: str, saved: object, now: str, source: Orbits | OrbitFamily | Pattern | None, declared: str
) -> None:
    """Stop at a layer whose orbits are no longer those that it was saved with.

    Args:
        name: of the layer.
        saved: the fingerprint in its file; None where it was saved without one.
        now: that of its orbits.
        source: the orbits of pairs, which earlier versions had another fingerprint of; None for orbits of points.
        declared: what the layer is declared by, for the message.

    Raises:
        DeclarationError: they differ.
    """
    if isinstance(source, Orbits) and isinstance(saved, str) and len(saved) < LENGTH:
        now = earlier_fingerprint(source)
    if saved not in (None, now):
        raise DeclarationError(
            f"layer {name!r} was saved with the orbits {in_short(str(saved))}, and {declared} now has the orbits {now}: its "
            "weights would go to other entries; load it with the eqgen that saved it, or put back its declaration, if that was "
            "changed"
        )


def check_fingerprints(name: str, saved: Any, parts: Sequence[Any]) -> None:
    """The same for a layer that is made of several, with a fingerprint each.

    Raises:
        DeclarationError: one of them differs, or there are more or fewer.
    """
    if not isinstance(saved, Sequence) or len(saved) != len(parts):
        raise DeclarationError(
            f"layer {name!r} was saved with other linear maps than the {len(parts)} that its declaration has now: load it with the "
            "eqgen that saved it, or put back its declaration, if that was changed"
        )
    for fingerprint, part in zip(saved, parts, strict=True):
        check_fingerprint(name, fingerprint, part.fingerprint, part.declared.source, part.declared.short_title)


def _transposed(pattern: Pattern) -> Pattern:
    """A bias between its two forms: a typed row, and the column that a map from one point is."""
    return Pattern(pattern.signed_labels.T, pattern.letters)


def not_negative(name: str, number: Any) -> float:
    """A finite number that is not negative.

    Raises:
        DeclarationError: anything else.
    """
    if isinstance(number, bool) or not isinstance(number, (int, float, np.number)) or not 0 <= number < float("inf"):
        raise DeclarationError(f"{name} is a number that is not negative, got {number!r}")
    return float(number)


def checked_units(units: Any) -> int | None:
    """The number of output channels; None for a layer without channels."""
    if units is None:
        return None
    if not is_whole(units, 1):
        swapped = ": the declaration comes second" if isinstance(units, (str, Mapping, Orbits, Pattern)) else ""
        raise DeclarationError(
            "units is the number of output channels, a positive whole number, or None for a layer without channels; got "
            f"{shortened(units)}{swapped}"
        )
    return int(units)


def check_keras_flags(arguments: dict[str, Any]) -> None:
    """Stop at a flag of every Keras layer that is neither True nor False: Keras takes any value as one of the two."""
    for name in ("trainable", "autocast"):
        if name in arguments:
            checked_flag(name, arguments[name])


def checked_aggregation(aggregation: Any, units: int | None) -> str:
    """ "mean" or "sum"."""
    if aggregation is not None:
        checked_choice("aggregation", aggregation, ("mean", "sum"))
    if units is None and aggregation == "mean":
        raise DeclarationError(
            'a layer with units=None holds exactly the numbers a, b, c that stand in the matrix, so its aggregation is "sum":'
            ' drop aggregation="mean"'
        )
    return aggregation or ("sum" if units is None else "mean")


def check_activation(mapping: Mapping, activation: Any) -> None:
    """Raise when a pointwise activation would break the symmetry because a generator flips signs of the output."""
    generator = flipping(mapping)
    if generator is None or activation is keras.activations.linear or is_odd(activation):
        return
    name = getattr(activation, "__name__", str(activation))
    raise DeclarationError(
        f"activation {name} is not odd, and {generator.name} flips the sign of outputs of {mapping.in_short()}: the layer would "
        "not be equivariant; use an odd one, like tanh or soft_shrink, or multiply the outputs by a gate computed from their "
        "absolute values"
    )


def is_odd(activation: Any) -> bool:
    """Whether f(-x) = -f(x) at the probes, elementwise."""
    plus, minus = (
        np.asarray(keras.ops.convert_to_numpy(activation(keras.ops.convert_to_tensor(sign * PROBES))))
        for sign in (1, -1)
    )
    return plus.shape == PROBES.shape and bool(np.allclose(minus, -plus, rtol=1e-5, atol=1e-6))


def flipping(mapping: Mapping) -> PairAction | None:
    """The first generator that flips the sign of an output, None where none does."""
    return next((generator for generator in mapping.generators if (generator.output.all_signs() < 0).any()), None)
