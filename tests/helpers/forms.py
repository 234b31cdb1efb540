"""What every form of labels says of itself, against a table that is counted."""

from __future__ import annotations

import dataclasses

import numpy as np

from eqgen.orbitals.matrix import orbit_sizes, orbitals_per_row
from helpers.references import smallest_equal


def joined(labels, signs=1) -> np.ndarray:
    """Labels and signs in one: +-(k + 1) for label k, 0 for none."""
    return (np.asarray(labels, dtype=np.int64) + 1) * np.asarray(signs)


def parted(signed_labels) -> tuple[np.ndarray, np.ndarray]:
    """Labels, -1 for none, and signs."""
    return np.abs(signed_labels) - 1, np.sign(signed_labels)


def with_labels(form, labels, signs=1):
    """A form of the same orbits with other labels."""
    return dataclasses.replace(form, signed_labels=joined(labels, signs))


def check_form(form, whole) -> None:
    """What a form says of its labels against what counting in a table gives."""
    labels, signs = np.asarray(whole[0]), np.asarray(whole[1])
    m, n = labels.shape
    rank = labels.max() + 1
    flat = labels.ravel()
    assert form.shape == (m, n)
    assert form.rank == rank
    assert orbit_sizes(form).tolist() == np.bincount(flat[flat >= 0], minlength=rank).tolist()
    counts = np.array([np.bincount(row[row >= 0], minlength=rank) for row in labels])
    met = counts > 0
    assert form.subdegrees.tolist() == counts.max(axis=0).tolist()
    assert orbitals_per_row(form).tolist() == [int(met[met[:, k]].sum(axis=1).max()) for k in range(rank)]
    listed = flat.tolist()
    assert form.representatives.tolist() == [list(divmod(listed.index(k), n)) for k in range(rank)]
    assert np.array_equal(form.at(np.arange(m), np.arange(n)), joined(labels, signs))


def check_row_representatives(form, generators) -> None:
    """The key rows are the first points of the orbits of outputs, and stand for as many rows as those have."""
    m = form.shape[0]
    smallest = smallest_equal(m, [(i, int(move.output.image[i])) for move in generators for i in range(m)])
    assert form.row_representatives.tolist() == sorted(set(smallest))
    assert form.row_orbit_sizes.tolist() == [smallest.count(row) for row in sorted(set(smallest))]
