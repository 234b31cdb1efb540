"""What every form of labels says of itself, against a table that is counted."""

from __future__ import annotations

import numpy as np

from helpers.references import smallest_equal


def check_form(form, whole) -> None:
    """What a form says of its labels against what counting in a table gives."""
    labels, signs = np.asarray(whole[0]), np.asarray(whole[1])
    m, n = labels.shape
    rank = labels.max() + 1
    flat = labels.ravel()
    assert form.shape == (m, n)
    assert form.rank == rank
    assert form.sizes.tolist() == np.bincount(flat[flat >= 0], minlength=rank).tolist()
    counts = np.array([np.bincount(row[row >= 0], minlength=rank) for row in labels])
    met = counts > 0
    assert form.subdegrees.tolist() == counts.max(axis=0).tolist()
    assert form.orbitals_per_row.tolist() == [int(met[met[:, k]].sum(axis=1).max()) for k in range(rank)]
    listed = flat.tolist()
    assert form.representatives.tolist() == [list(divmod(listed.index(k), n)) for k in range(rank)]
    found, turned = form.at(np.arange(m), np.arange(n))
    assert np.array_equal(found, labels)
    assert np.array_equal(turned, signs)
    if not form.signed:
        assert (signs == 1).all()


def check_row_representatives(form, generators) -> None:
    """The key rows are the first points of the orbits of outputs, and stand for as many rows as those have."""
    m = form.shape[0]
    smallest = smallest_equal(m, [(i, int(move.output.image[i])) for move in generators for i in range(m)])
    assert form.row_representatives.tolist() == sorted(set(smallest))
    assert form.row_orbit_sizes.tolist() == [smallest.count(row) for row in sorted(set(smallest))]
