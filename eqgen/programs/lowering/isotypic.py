"""The isotypic decomposition of point orbits, worked out numerically and checked by its dimensions.

A random symmetric element of the algebra of equivariant maps splits a space into irreducible ones (its eigenspaces); random
maps between them tell which are isomorphic and align their bases; their antisymmetric parts give the complex or quaternionic
structure (Serre, "Linear representations of finite groups", 13.2; the random element: Murota, Kanno, Kojima, Kojima, "A
numerical algorithm for block-diagonal decomposition of matrix *-algebras", 2010).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from eqgen.common.arrays import Reals, signed_values, signs_of
from eqgen.orbitals.label_table import LabelTable, pair_labels
from eqgen.orbitals.matrix import orbit_sizes
from eqgen.programs.lowering.lowering import Action
from eqgen.spaces.pair_action import paired

SMALL = 1e-7
"""What is smaller, beside numbers of about 1, is zero."""

ATTEMPTS = 5
"""Random elements may be unlucky: so many are tried."""


class NoDecompositionError(Exception):
    """The numbers did not tell the irreducible spaces apart."""


@dataclass(frozen=True, eq=False)
class Piece:
    """One irreducible subspace of a class.

    Attributes:
        owner: the number of the class.
        kind: the number of its isomorphism type.
        basis: (points, dimension), orthonormal; columns are ordered (structure, copy), the same for all of one type.
        structure: 1, 2 or 4: real, complex, quaternionic.
    """

    owner: int
    kind: int
    basis: Reals
    structure: int


@dataclass(frozen=True, eq=False)
class Decomposition:
    """All classes together.

    Attributes:
        pieces: every irreducible subspace.
        pairs: for each (output class, input class) the orbits of their pairs.
    """

    pieces: tuple[Piece, ...]
    pairs: dict[tuple[int, int], LabelTable]

    def multiplicity(self, owner: int, kind: int) -> list[Piece]:
        """The subspaces of one type in one class."""
        return [piece for piece in self.pieces if piece.owner == owner and piece.kind == kind]


def decomposed(classes: Sequence[Action]) -> Decomposition:
    """The irreducible subspaces of some transitive spaces.

    Raises:
        NoDecompositionError: the dimensions do not come out.
    """
    pairs = {
        (output, input_): pair_labels(paired(first.moves, second.moves))
        for (output, first), (input_, second) in product(enumerate(classes), repeat=2)
    }
    for seed in range(ATTEMPTS):
        decomposition = _attempt(classes, pairs, np.random.default_rng(seed))
        if _is_right(decomposition, classes):
            return decomposition
    raise NoDecompositionError


def _attempt(
    classes: Sequence[Action], pairs: dict[tuple[int, int], LabelTable], random: np.random.Generator
) -> Decomposition:
    pieces: list[Piece] = []
    references: list[Piece] = []
    for owner in range(len(classes)):
        element = _element(pairs[owner, owner], random)
        bases = _refined(_eigenspaces(element + element.T), pairs[owner, owner])
        # One random map to each class tells for all of its subspaces.
        maps = [_element(pairs[earlier, owner], random) for earlier in range(owner + 1)]
        turns = [_element(pairs[owner, owner], random) for _ in range(2)]
        for basis in bases:
            reference, map_ = _isomorphic(references, [map_ @ basis for map_ in maps], basis.shape[1])
            if reference is None:
                piece = _with_structure(Piece(owner, len(references), basis, 1), pairs[owner, owner], turns)
                references.append(piece)
            else:
                aligned = _aligned(basis, map_, reference, pairs[reference.owner, owner])
                piece = Piece(owner, reference.kind, aligned, reference.structure)
            pieces.append(piece)
    return Decomposition(tuple(pieces), pairs)


def _isomorphic(references: Sequence[Piece], images: Sequence[Reals], dimension: int) -> tuple[Piece | None, Reals]:
    """The reference that a subspace is isomorphic to, and a map to it in their bases; None where there is none."""
    for reference in references:
        if reference.basis.shape[1] == dimension:
            map_ = reference.basis.T @ images[reference.owner]
            if np.linalg.norm(map_) > SMALL * np.sqrt(dimension):
                return reference, map_
    return None, np.zeros((dimension, dimension))


def _aligned(basis: Reals, map_: Reals, reference: Piece, table: LabelTable) -> Reals:
    """The basis that corresponds to that of the reference.

    A random map may be small on the subspace, and then it is rough; the isometry that it is near to is not.
    """
    rough = reference.basis @ (map_ / (np.linalg.norm(map_) / np.sqrt(len(map_)))) @ basis.T
    isometry = reference.basis.T @ _averaged(rough, table) @ basis
    return basis @ isometry.T


def _element(table: LabelTable, random: np.random.Generator) -> Reals:
    """A random equivariant map, of norm about 1."""
    return signed_values(random.normal(size=table.rank) / np.sqrt(table.subdegrees), table.signed_labels)


def _eigenspaces(matrix: Reals) -> list[Reals]:
    values, vectors = np.linalg.eigh(matrix)
    breaks = np.flatnonzero(np.diff(values) > SMALL * max(1, np.abs(values).max())) + 1
    return np.split(vectors, breaks, axis=1)


def _averaged(matrix: Reals, table: LabelTable) -> Reals:
    """The equivariant map nearest to a matrix: its mean over every orbit of pairs.

    Of a matrix that is nearly an equivariant isometry between irreducible spaces, and off by little, it is one that is off
    by the square of that.
    """
    places = np.abs(table.signed_labels).ravel().astype(np.intp)
    signs = signs_of(table.signed_labels).ravel()
    counts = np.append(1, orbit_sizes(table))
    sums = np.bincount(places, weights=matrix.ravel() * signs, minlength=counts.size)
    mean: Reals = ((sums / counts)[places] * signs).reshape(table.shape)
    return mean


def _refined(bases: list[Reals], table: LabelTable) -> list[Reals]:
    """The same subspaces, invariant to the last places: eigenvectors are only as good as gaps between eigenvalues are wide."""
    invariant = [_averaged(basis @ basis.T, table) @ basis for basis in bases]
    # The nearest orthogonal matrix keeps them invariant.
    left, _, right = np.linalg.svd(np.concatenate(invariant, axis=1))
    return np.split(left @ right, np.cumsum([basis.shape[1] for basis in bases])[:-1], axis=1)


def _with_structure(piece: Piece, table: LabelTable, elements: Sequence[Reals]) -> Piece:
    """The complex or quaternionic structure of a subspace, and a basis in which it has its standard form."""
    dimension = piece.basis.shape[1]
    units: list[Reals] = []
    for element in elements:
        inside = piece.basis.T @ element @ piece.basis
        turning = (inside - inside.T) / 2
        for unit in units:
            turning = turning - unit * np.sum(unit * turning) / dimension
        size = np.linalg.norm(turning) / np.sqrt(dimension)
        if size > SMALL:
            rough = piece.basis @ (turning / size) @ piece.basis.T
            units.append(piece.basis.T @ _averaged(rough, table) @ piece.basis)
    if len(units) == 2:
        units.append(units[0] @ units[1])
    structure = len(units) + 1
    if dimension % structure:
        return piece
    # A vector and what the units make of it span one copy.
    columns = np.zeros((dimension, 0))
    for _ in range(dimension // structure):
        free = np.eye(dimension) - columns @ columns.T
        vector = free[:, np.argmax(np.diag(free))]
        vector = vector / np.linalg.norm(vector)
        columns = np.column_stack([columns, vector, *(unit @ vector for unit in units)])
    order = np.arange(dimension).reshape(-1, structure).T.ravel()
    return replace(piece, basis=piece.basis @ columns[:, order], structure=structure)


def _is_right(decomposition: Decomposition, classes: Sequence[Action]) -> bool:
    """Whether multiplicities give the number of orbits of every pair of classes: nothing is missing, nothing twice."""
    owned = [[piece for piece in decomposition.pieces if piece.owner == owner] for owner in range(len(classes))]
    return (
        all(
            table.rank
            == sum(piece.structure * len(decomposition.multiplicity(input_, piece.kind)) for piece in owned[output])
            for (output, input_), table in decomposition.pairs.items()
        )
        and [sum(piece.basis.shape[1] for piece in pieces) for pieces in owned] == [space.size for space in classes]
        and all(
            np.allclose(piece.basis.T @ piece.basis, np.eye(piece.basis.shape[1]), atol=SMALL)
            for piece in decomposition.pieces
        )
    )
