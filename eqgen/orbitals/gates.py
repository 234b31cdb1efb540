"""The mapping that gates are made by: from features, and the sizes of those whose sign flips, to points without signs."""

import numpy as np

from eqgen.common.arrays import Integers
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.permutations.group import make_group
from eqgen.permutations.joint_axes import joint
from eqgen.permutations.signed_permutation import SignedPermutation, point_orbits
from eqgen.spaces.mapping import Mapping


def flipped_inputs(mapping: Mapping) -> Integers:
    """The input points in whose orbit a sign flips, in order.

    >>> flipped_inputs(as_mapping("p + [p p] -> p where p = S(3)"))
    array([3, 4, 5])
    """
    actions = [element.input for element in mapping.elements]
    orbit_of = point_orbits(np.array([action.image for action in actions]))
    turned = np.any([action.all_signs() < 0 for action in actions], axis=0)
    return np.flatnonzero(np.isin(orbit_of, orbit_of[turned]))


def gate_mapping(mapping: Mapping) -> Mapping:
    """From the input, and the absolute values of its `flipped_inputs` behind it, to the output points without their signs.

    A number that multiplies a feature must not change when the feature changes its sign: it belongs to the same points, moved
    by the same permutations, without signs.

    >>> print(gate_mapping(as_mapping("p -> p where p = (1 -2)(3)")))
    feature + size -> gate where feature & size & gate = Group((1 -2)(3)) & Group((1 2)) & Group((1 2)(3))
    """
    flipped = flipped_inputs(mapping)
    place = np.zeros(mapping.input.size, dtype=np.intp)
    place[flipped] = np.arange(flipped.size)
    pairs = [(element.output.image, element.input) for element in mapping.elements]
    groups = {
        "feature": make_group([input_ for _, input_ in pairs]),
        "gate": make_group([SignedPermutation(output) for output, _ in pairs]),
    }
    if flipped.size:
        groups["size"] = make_group([SignedPermutation(place[input_.image[flipped]]) for _, input_ in pairs])
    support = None
    if mapping.support is not None:
        rows, columns = mapping.support.row_numbers(), mapping.support.indices
        own = np.isin(columns, flipped)
        sizes = np.column_stack([rows[own], mapping.input.size + place[columns[own]]])
        support = [*zip(rows.tolist(), columns.tolist(), strict=True), *map(tuple, sizes.tolist())]
    sides = "feature + size -> gate" if flipped.size else "feature -> gate"
    return as_mapping(sides, support=support, **joint(relations="", **groups))
