"""What arrays are held in, and how tables are cut into rows."""

from __future__ import annotations

import numpy as np
import pytest

from eqgen.common.arrays import row_blocks, smallest_type


@pytest.mark.parametrize(
    ("rank", "bits"),
    [(0, 8), (127, 8), (128, 16), (2**15 - 1, 16), (2**15, 32), (2**31 - 1, 32), (2**31, 64), (2**40, 64)],
)
def test_a_type_is_as_small_as_the_labels_and_their_negatives_allow(rank, bits):
    kind = np.dtype(smallest_type(rank))
    assert (kind.kind, 8 * kind.itemsize) == ("i", bits)


@pytest.mark.parametrize(
    ("m", "n", "block"), [(10, 3, 7), (10, 3, 6), (10, 3, 1), (10, 30, 7), (10, 0, 4), (0, 3, 4), (10, 1, 99)]
)
def test_blocks_of_rows_are_all_rows_in_order_and_hold_no_more_than_is_asked_for(m, n, block):
    blocks = list(row_blocks(m, n, block))
    assert [row for rows in blocks for row in range(rows.start, rows.stop)] == list(range(m))
    # A row longer than a block stands alone.
    assert all(rows.stop - rows.start == 1 or (rows.stop - rows.start) * n <= block for rows in blocks)
    # No block could take the next row as well.
    assert all((rows.stop - rows.start + 1) * max(n, 1) > block for rows in blocks[:-1])
