"""What is kept on disk and what is shown meanwhile: neither may ever change a result."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eqgen as eq
from eqgen.common import cache
from eqgen.orbitals import label_table as table
from eqgen.orbitals import sparse
from eqgen.orbitals.limits import LIMITS, Limits
from helpers.drawn_mappings import signed_generators
from helpers.mistakes import refuse

N = 1024
"""A table of so many outputs and inputs is worth keeping, for one generator."""


def cycle(step: int) -> np.ndarray:
    return (np.arange(N) + step) % N


def ring(step: int = 1) -> eq.Mapping:
    return eq.mapping("p -> p", p=[cycle(step)])


def turned_ring() -> eq.Mapping:
    """A ring whose last step turns every sign twice around: signs that are not all alike, and no forced zero."""
    return eq.mapping("p -> p", p=[(cycle(1), np.where(np.arange(N) < N // 3, -1, 1))])


def frozen_ring() -> eq.Mapping:
    """A ring and its reflection, which turns the signs of the outputs alone: some pairs are forced to zero, in row 0 too."""
    return eq.mapping("~p -> p", p=[cycle(1), (-np.arange(N)) % N])


def unequal() -> eq.Mapping:
    """More inputs than outputs, in several orbits of points."""
    return eq.mapping("p + p + 1 -> p + 1", p=eq.C(800))


TABLES = {"ring": ring, "signed": turned_ring, "zeros": frozen_ring, "not square": unequal}
SUPPORTS = {
    "stencil": lambda: eq.mapping("h w -> h w where h = C(7), w = C(5)", support=eq.stencil(1, wrap=True)),
    "pairs": lambda: eq.mapping("{p p} -> p where p = S(6)", support=[(0, 0)]),
    "signed": lambda: eq.mapping("[p p] -> [p p] where p = S(5)", support=[(0, 1), (0, 7)]),
    "zeros": lambda: eq.mapping("p -> p where p = (1 -1)(2)(3 4), (5 -5)", support=[(0, 1), (2, 2), (4, 4)]),
}


def arrays_of(mapping: eq.Mapping, limits: Limits = LIMITS) -> dict[str, np.ndarray | None]:
    """All that is held of the labels, with its types."""
    form = eq.orbits(mapping, limits=limits).form
    fields = (
        ("signed_labels", "row_representatives", "representatives", "row_orbit_sizes")
        if isinstance(form, table.LabelTable)
        else (
            "indptr",
            "indices",
            "signed_labels",
            "row_representatives",
            "row_orbit_sizes",
            "representatives",
            "subdegrees",
        )
    )
    return {field: getattr(form, field) for field in fields}


def assert_same(one: dict[str, np.ndarray | None], other: dict[str, np.ndarray | None]) -> None:
    assert one.keys() == other.keys()
    for field, array in one.items():
        if array is None:
            assert other[field] is None, field
            continue
        assert array.dtype == other[field].dtype, field
        assert np.array_equal(array, other[field]), field


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """An empty folder that results are kept in."""
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_warned", False)
    # Supports as small as these are quicker computed than read, if there is a limit for them.
    kept_at_once = partial(sparse.sparse_labels, limits=Limits(worth_keeping=0))
    monkeypatch.setattr("eqgen.orbitals.declare.sparse_labels", kept_at_once)
    return tmp_path / "cache"


@pytest.fixture
def computed(monkeypatch) -> list[str]:
    """Grows whenever labels are found out rather than read."""
    found: list[str] = []
    root_rows, compared = table._root_rows, sparse._Work.compared

    def spied_rows(*arguments):
        found.append("table")
        return root_rows(*arguments)

    def spied_compared(*arguments):
        found.append("support")
        return compared(*arguments)

    monkeypatch.setattr(table, "_root_rows", spied_rows)
    monkeypatch.setattr(sparse._Work, "compared", spied_compared)
    return found


def without_cache(make, monkeypatch) -> dict[str, np.ndarray | None]:
    with monkeypatch.context() as patch:
        patch.setenv("EQGEN_CACHE", "off")
        return arrays_of(make())


def kept(place: Path) -> list[Path]:
    return sorted(place.iterdir())


# A hit says what a miss says


@pytest.mark.parametrize(
    "make", [*TABLES.values(), *SUPPORTS.values()], ids=[*TABLES, *(f"support of {name}" for name in SUPPORTS)]
)
def test_what_is_found_again_is_what_was_computed(make, place, computed, monkeypatch):
    expected = without_cache(make, monkeypatch)
    computed.clear()
    missed = arrays_of(make())
    assert computed
    assert [file.name for file in kept(place)] == [
        file.name for file in kept(place) if re.fullmatch("[0-9a-f]{64}", file.name)
    ]
    assert len(kept(place)) == 1
    computed.clear()
    hit = arrays_of(make())
    assert computed == []
    assert_same(missed, expected)
    assert_same(hit, expected)
    assert len(kept(place)) == 1
    assert eq.orbits(make()).certificate()


@pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
def test_what_is_found_out_late_is_kept_like_the_rest(make, place, computed, monkeypatch):
    expected = without_cache(make, monkeypatch)
    # Without random elements nothing is known to be equal before whole rows are compared.
    for _ in range(2):
        computed.clear()
        assert_same(arrays_of(make(), Limits(quiet=0)), expected)
    assert computed == []


def test_the_labels_that_are_found_again_are_the_shifts_of_the_ring(place, computed):
    # Pair (i, j) of a ring has the label j - i: told without any code that a cache could share its faults with.
    shifts = (np.arange(N) - np.arange(N)[:, None]) % N
    for _ in range(2):
        assert np.array_equal(eq.orbits(ring()).labels, shifts)
        assert eq.orbits(ring()).sizes.tolist() == [N] * N
    assert len(computed) == 1
    # With signs: those that lie on the way from row 0, which is read from the generator alone.
    turns = np.concatenate([[1], np.cumprod(np.where(np.arange(N - 1) < N // 3, -1, 1))])
    for _ in range(2):
        found = eq.orbits(turned_ring())
        row, column = np.meshgrid(np.arange(N), np.arange(N), indexing="ij")
        expected = turns[row] * turns[column] * turns[(column - row) % N]
        # Where the way of the column goes past the end of the ring, it meets all of its signs.
        whole = turns[-1] * np.where(N - 1 < N // 3, -1, 1)
        expected = expected * np.where(column < row, whole, 1)
        assert np.array_equal(found.labels, shifts)
        assert np.array_equal(found.signs, expected)
    assert len(computed) == 2


@pytest.mark.parametrize(
    "text",
    [
        "p -> p where p = C(600)",
        "{p p} -> p where p = C(9)",
        "h w -> h w where h = C(90), w = C(80)",
        "p -> p where p = C(5) support 1 <- 1",
    ],
)
def test_what_is_quickly_computed_is_not_kept(text, place, monkeypatch):
    # A million pairs, times generators, are: docs/orbits.md.
    monkeypatch.setattr("eqgen.orbitals.declare.sparse_labels", sparse.sparse_labels)
    eq.orbits(text).sizes.sum()
    assert not place.exists()


def test_factors_and_formulas_are_kept_like_tables(place, computed, monkeypatch):
    def make():
        return eq.mapping("h w -> h w", h=[cycle(3)], w=eq.C(3))

    with monkeypatch.context() as patch:
        patch.setenv("EQGEN_CACHE", "off")
        expected = eq.orbits(make()).labels_at(np.arange(9), np.arange(3 * N))
    assert not place.exists()
    for _ in range(2):
        found = eq.orbits(make()).labels_at(np.arange(9), np.arange(3 * N))
        assert np.array_equal(found[0], expected[0])
    assert len(kept(place)) == 1
    assert len(computed) == 2


def test_a_support_that_is_not_closed_is_refused_again(place):
    def message() -> str:
        with pytest.raises(eq.DeclarationError) as caught:
            eq.mapping("h w -> h w where h = C(4), w = C(3)", support=eq.stencil(1))
        return str(caught.value)

    first = message()
    # The closed one has the same pairs to begin with, and is kept.
    eq.mapping("h w -> h w where h = C(4), w = C(3)", support=eq.closed(eq.stencil(1)))
    assert message() == first


# Keys


@given(st.data())
def test_generators_have_a_key_of_their_own(data):
    first, second = (data.draw(signed_generators(3, 2)) for _ in range(2))
    keys = [
        cache.key("table", [np.array(array) for pair in generators for array in pair]) for generators in (first, second)
    ]
    assert (keys[0] == keys[1]) == (first == second)


def test_a_key_tells_kinds_shapes_types_and_borders_apart():
    flat = np.arange(6)
    keys = [
        cache.key("a", [flat]),
        cache.key("b", [flat]),
        cache.key("a", [flat.reshape(2, 3)]),
        cache.key("a", [flat.reshape(3, 2)]),
        cache.key("a", [flat.astype(np.int32)]),
        cache.key("a", [flat[:3], flat[3:]]),
        cache.key("a", [flat[:2], flat[2:]]),
        cache.key("a", [flat, None]),
        cache.key("a", [None, flat]),
        cache.key("a", [flat[::-1]]),
        cache.key("a", []),
    ]
    assert len(set(keys)) == len(keys)
    assert cache.key("a", [flat[::2]]) == cache.key("a", [np.array([0, 2, 4])])


def test_other_generators_signs_supports_and_ways_to_close_are_kept_apart(place, computed):
    makes = [
        ring,
        lambda: ring(3),
        turned_ring,
        frozen_ring,
        lambda: eq.mapping("~p -> p", p=[cycle(1)]),
        lambda: eq.mapping("p -> ~p", p=[cycle(1)]),
        lambda: eq.mapping("p -> p where p = C(5)", support=[(0, 0)]),
        lambda: eq.mapping("p -> p where p = C(5)", support=[(0, 1)]),
        lambda: eq.mapping("p -> p where p = C(5)", support=[(0, 0), (0, 1)]),
        lambda: eq.mapping("p -> p where p = D(5)", support=[(0, 1)]),
        lambda: eq.mapping("p + 1 -> p where p = C(5)", support=[(0, 1)]),
        lambda: eq.mapping("p -> p where p = C(5)", support=eq.stencil(1, wrap=True)),
        lambda: eq.mapping("p -> p where p = C(5)", support=eq.closed(eq.stencil(1, wrap=True))),
    ]
    for number, make in enumerate(makes, start=1):
        computed.clear()
        eq.orbits(make())
        assert computed, number
        assert len(kept(place)) == number


def test_results_of_an_older_way_to_compute_are_not_found(place, computed, monkeypatch):
    eq.orbits(ring())
    monkeypatch.setattr(cache, "VERSION", cache.VERSION + 1)
    eq.orbits(ring())
    assert len(computed) == len(kept(place)) == 2


# Bad files


def truncated(length):
    def damage(file: Path) -> None:
        file.write_bytes(file.read_bytes()[:length])

    return damage


def flipped(place):
    def damage(file: Path) -> None:
        data = bytearray(file.read_bytes())
        at = int(place * len(data)) if isinstance(place, float) else place
        data[at] ^= 1
        file.write_bytes(data)

    return damage


def longer(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"x")


def lying(file: Path) -> None:
    """Sound arrays that say something else: every label of the first row is the first one."""
    data = file.read_bytes()
    with np.load(io.BytesIO(data[32:])) as held:
        arrays = {field: held[field].copy() for field in held.files}
    arrays["signed_labels"][:] = 1
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    file.write_bytes(data[:32] + buffer.getvalue())


def seal(file: Path, data: bytes) -> None:
    """Write any content under the digest that its reader asks for, as anyone can who knows this file."""
    file.write_bytes(hashlib.sha256(file.name.encode() + data).digest() + data)


def well_sealed_for_nobody(file: Path) -> None:
    """The digest of the content alone, as anyone would make it who does not know what belongs to it."""
    lying(file)
    data = file.read_bytes()[32:]
    file.write_bytes(hashlib.sha256(data).digest() + data)


DAMAGE = {
    "nothing left": truncated(0),
    "one byte": truncated(1),
    "half a digest": truncated(16),
    "a byte less than a digest": truncated(31),
    "a digest alone": truncated(32),
    "a byte of content": truncated(33),
    "half": lambda file: truncated(file.stat().st_size // 2)(file),
    "all but a byte": truncated(-1),
    "one byte more": longer,
    "the first bit": flipped(0),
    "the end of the digest": flipped(31),
    "the first byte of the content": flipped(32),
    "a third": flipped(0.3),
    "the middle": flipped(0.5),
    "nearly the end": flipped(0.95),
    "the last byte": flipped(-1),
    "other content": lying,
    "other content with its digest": well_sealed_for_nobody,
}


@pytest.mark.parametrize("make", [ring, turned_ring, SUPPORTS["signed"]], ids=["table", "signed", "support"])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_never_believed_and_mended(make, damage, place, computed, monkeypatch):
    expected = without_cache(make, monkeypatch)
    eq.orbits(make())
    (file,) = kept(place)
    whole = file.read_bytes()
    damage(file)
    assert file.read_bytes() != whole
    assert cache.load(file.name) is None
    computed.clear()
    assert_same(arrays_of(make()), expected)
    assert computed
    # Written anew, and found from then on.
    assert kept(place) == [file]
    assert cache.load(file.name) is not None
    computed.clear()
    assert_same(arrays_of(make()), expected)
    assert computed == []


def kept_arrays(file: Path) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(file.read_bytes()[32:])) as held:
        return {field: held[field].copy() for field in held.files}


def written(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def forged(change):
    """Arrays changed in place, or others, under the right digest."""

    def damage(file: Path) -> None:
        arrays = kept_arrays(file)
        seal(file, written(change(arrays) or arrays))

    return damage


def sealed(content: bytes):
    return lambda file: seal(file, content)


def one_label(arrays):
    arrays["signed_labels"][...] = 1
    arrays["first"] = arrays["first"][:1]


def two_are_one(arrays):
    """The last label is the one before: too few."""
    labels, rank = arrays["signed_labels"], arrays["first"].size
    labels[np.abs(labels) == rank] = rank - 1
    arrays["first"] = arrays["first"][:-1]


def two_exchanged(arrays):
    labels, rank = arrays["signed_labels"], arrays["first"].size
    last, before = np.abs(labels) == rank, np.abs(labels) == rank - 1
    labels[last], labels[before] = rank - 1, rank


def all_apart(arrays):
    """Every entry of a row has a label of its own: too many."""
    labels = arrays["signed_labels"]
    count = labels.size if labels.ndim == 2 else labels.size // 2
    own = np.arange(1, count + 1)
    labels = own.reshape(labels.shape) if labels.ndim == 2 else np.concatenate([[0], own, -own[::-1]])
    return {**arrays, "signed_labels": labels.astype(arrays["signed_labels"].dtype), "first": np.arange(count)}


def signs_turned(arrays):
    labels = arrays["signed_labels"]
    labels.flat[labels.size // 2 :] *= -1


def other_type(arrays):
    return {field: array.astype(np.float32) for field, array in arrays.items()}


def lacking(arrays):
    del arrays["first"]


def cut(arrays):
    return {field: array[:-1] for field, array in arrays.items()}


def out_of_range(arrays):
    arrays["first"] = arrays["first"] + 10**9


def bomb() -> bytes:
    """A gigabyte of zeros in a megabyte."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("first.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|i1", "fortran_order": False, "shape": (10**9,)})
        for _ in range(1000):
            file.write(bytes(10**6))
    return buffer.getvalue()


def endless() -> bytes:
    """An array that says that it holds 8 TB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("first.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<i8", "fortran_order": False, "shape": (10**12,)})
    return buffer.getvalue()


FORGED = {
    "nothing": sealed(b""),
    "no archive": sealed(b"no archive at all"),
    "one array": sealed(io.BytesIO(b"\x93NUMPY").getvalue()),
    "an archive of nothing": sealed(written({})),
    "other arrays": sealed(written({"tree": np.arange(3)})),
    "endless": sealed(endless()),
    "one label": forged(one_label),
    "two labels made one": forged(two_are_one),
    "two labels exchanged": forged(two_exchanged),
    "all apart": forged(all_apart),
    "signs turned": forged(signs_turned),
    "floats": forged(other_type),
    "no first entries": forged(lacking),
    "one entry less": forged(cut),
    "first entries beyond the row": forged(out_of_range),
}


@pytest.mark.parametrize(
    "make", [*TABLES.values(), *SUPPORTS.values()], ids=[*TABLES, *(f"support of {n}" for n in SUPPORTS)]
)
@pytest.mark.parametrize("damage", FORGED.values(), ids=FORGED)
def test_a_wrong_content_under_a_right_digest_is_computed_anew(make, damage, place, computed, monkeypatch):
    expected = without_cache(make, monkeypatch)
    eq.orbits(make())
    (file,) = kept(place)
    whole = file.read_bytes()
    damage(file)
    # On a ring all entries of a row are apart.
    wrong = file.read_bytes() != whole
    computed.clear()
    assert_same(arrays_of(make()), expected)
    assert bool(computed) == wrong
    assert file.read_bytes() == whole


@pytest.mark.parametrize("named", ["1 <- 1, 1 <- 2", "1 <- 2"])
def test_the_pairs_of_another_support_under_a_right_digest_are_not_believed(named, place, computed, monkeypatch):
    def make():
        return eq.mapping("p -> p where p = C(5) support 1 <- 1")

    expected = without_cache(make, monkeypatch)
    eq.orbits(make())
    (file,) = kept(place)
    eq.mapping(f"p -> p where p = C(5) support {named}")
    (other,) = set(kept(place)) - {file}
    seal(file, written(kept_arrays(other)))
    computed.clear()
    assert_same(arrays_of(make()), expected)
    assert computed


def test_a_content_that_fills_the_memory_is_not_unpacked(place):
    place.mkdir(mode=0o700)
    seal(place / NAMES[0], bomb())
    start = time.perf_counter()
    assert cache.load(NAMES[0]) is None
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    "makes", [(ring, lambda: ring(3)), (SUPPORTS["pairs"], SUPPORTS["signed"])], ids=["tables", "supports"]
)
def test_a_file_under_the_name_of_another_is_refused(makes, place, computed, monkeypatch):
    one, other = makes
    expected = without_cache(other, monkeypatch)
    eq.orbits(one())
    (first,) = kept(place)
    eq.orbits(other())
    (second,) = set(kept(place)) - {first}
    # Both are sound, and of one shape where they are tables: only the name tells them apart.
    second.write_bytes(first.read_bytes())
    computed.clear()
    assert_same(arrays_of(other()), expected)
    assert computed
    assert second.read_bytes() != first.read_bytes()
    computed.clear()
    assert_same(arrays_of(other()), expected)
    assert computed == []


def test_a_folder_in_place_of_a_file_changes_no_result(place, computed, monkeypatch):
    expected = without_cache(ring, monkeypatch)
    eq.orbits(ring())
    (file,) = kept(place)
    file.unlink()
    file.mkdir()
    computed.clear()
    with warnings.catch_warnings():
        # It cannot be replaced by a file, which may be told.
        warnings.simplefilter("ignore")
        assert_same(arrays_of(ring()), expected)
    assert computed == ["table"]
    assert [found.name for found in kept(place)] == [file.name]
    file.rmdir()
    assert_same(arrays_of(ring()), expected)
    computed.clear()
    assert_same(arrays_of(ring()), expected)
    assert computed == []


def test_pickles_are_not_opened(place, monkeypatch):
    class Trap:
        def __reduce__(self):
            return refuse, ()

    name = cache.key("trap", [])
    buffer = io.BytesIO()
    np.savez(buffer, labels=np.array([Trap()], dtype=object))
    place.mkdir()
    seal(place / name, buffer.getvalue())
    assert cache.load(name) is None


# What others can write to, and what is no file


def pipe(file: Path) -> None:
    os.mkfifo(file)


def other_device(file: Path) -> None:
    file.symlink_to("/dev/zero")


def link_to_the_same(file: Path) -> None:
    """Even what was kept is not read through a link: whoever wrote that may write another."""
    elsewhere = file.parent.parent / "elsewhere"
    elsewhere.write_bytes(file.with_suffix(".kept").read_bytes())
    file.symlink_to(elsewhere)


def socket_in_place(file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        # The name of a socket is short.
        short = Path(tempfile.mkdtemp()) / "s"
        end.bind(str(short))
        short.rename(file)


NO_FILES = {
    "a pipe": pipe,
    "an endless device": other_device,
    "a link": link_to_the_same,
    "a link to nothing": lambda file: file.symlink_to("nowhere"),
    "a link to itself": lambda file: file.symlink_to(file),
    "a socket": socket_in_place,
}


@pytest.mark.skipif(sys.platform == "win32", reason="there are none")
@pytest.mark.parametrize("instead", NO_FILES.values(), ids=NO_FILES)
def test_what_is_no_file_is_as_good_as_none_and_is_replaced(instead, place, computed, monkeypatch):
    expected = without_cache(ring, monkeypatch)
    eq.orbits(ring())
    (file,) = kept(place)
    whole = file.read_bytes()
    file.rename(file.with_suffix(".kept"))
    instead(file)
    computed.clear()
    start = time.perf_counter()
    assert cache.load(file.name) is None
    assert time.perf_counter() - start < 1
    assert_same(arrays_of(ring()), expected)
    assert computed == ["table"]
    assert not file.is_symlink()
    assert file.read_bytes() == whole


@pytest.mark.skipif(sys.platform == "win32", reason="modes are others there")
@pytest.mark.parametrize("mode", [0o660, 0o606, 0o622, 0o666])
def test_a_file_that_others_can_write_to_is_not_read(mode, place, computed):
    eq.orbits(ring())
    (file,) = kept(place)
    file.chmod(mode)
    assert cache.load(file.name) is None
    computed.clear()
    eq.orbits(ring())
    assert computed == ["table"]
    # The new one is its owner's alone, whatever the user's mask.
    assert file.stat().st_mode & 0o777 == 0o600
    assert cache.load(file.name) is not None


@pytest.mark.skipif(sys.platform == "win32", reason="modes are others there")
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702])
def test_a_folder_that_others_can_write_to_is_neither_read_nor_written(mode, place, computed, monkeypatch):
    eq.orbits(ring())
    before = {file: file.read_bytes() for file in kept(place)}
    place.chmod(mode)
    computed.clear()
    text = (
        f"results are neither kept nor read in {place} (others can write there): they are computed anew each time; set EQGEN_CACHE "
        "to a folder of your own, with chmod go-w, or to off"
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(text)}$") as caught:
        eq.orbits(ring())
    assert len(caught) == 1
    eq.orbits(turned_ring())
    assert computed == ["table", "table"]
    assert {file: file.read_bytes() for file in kept(place)} == before


@pytest.mark.skipif(sys.platform == "win32", reason="modes are others there")
def test_the_usual_folder_of_a_group_that_shares_files_becomes_ones_own(tmp_path, monkeypatch):
    monkeypatch.delenv("EQGEN_CACHE", raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / name)
    place = tmp_path / "eqgen"
    place.mkdir()
    place.chmod(0o775)
    eq.orbits(ring())
    (file,) = kept(place)
    assert (place.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert cache.load(file.name) is not None


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only the superuser gives files away")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_belongs_to_somebody_else_is_not_read(what, place, computed):
    eq.orbits(ring())
    (file,) = kept(place)
    os.chown(file if what == "file" else place, 12345, 12345)
    computed.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        eq.orbits(ring())
    assert computed == ["table"]


@pytest.mark.skipif(sys.platform == "win32", reason="masks are others there")
def test_a_user_whose_mask_lets_the_group_write_has_a_folder_of_his_own(place, computed):
    before = os.umask(0o002)
    try:
        eq.orbits(ring())
    finally:
        os.umask(before)
    assert place.stat().st_mode & 0o777 == 0o700
    computed.clear()
    eq.orbits(ring())
    assert computed == []


# Where it is


def test_off_writes_nothing_and_reads_nothing(place, computed, monkeypatch, tmp_path):
    eq.orbits(ring())
    before = {file: file.read_bytes() for file in kept(place)}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EQGEN_CACHE", "off")
    monkeypatch.chdir(tmp_path)
    assert cache.folder() is None
    computed.clear()
    for make in (ring, turned_ring, SUPPORTS["signed"]):
        eq.orbits(make())
    assert sorted(set(computed)) == ["support", "table"]
    cache.store("name", {"one": np.ones(3)})
    assert cache.load("name") is None
    assert {file: file.read_bytes() for file in kept(place)} == before
    assert sorted(found.name for found in tmp_path.iterdir()) == ["cache"]


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "HOME"])
def test_results_are_kept_under_the_cache_folder_of_the_user(value, variable, tmp_path, monkeypatch):
    if value is None:
        monkeypatch.delenv("EQGEN_CACHE")
    else:
        monkeypatch.setenv("EQGEN_CACHE", value)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    expected = platformdirs.user_cache_path("eqgen")
    if sys.platform == "linux":
        assert expected == tmp_path / {"XDG_CACHE_HOME": "eqgen", "HOME": ".cache/eqgen"}[variable]
        assert cache.folder() == expected
        eq.orbits(ring())
        assert len(kept(expected)) == 1
    assert cache.folder() == expected


def test_a_folder_may_be_named_and_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path / "a" / "b"))
    eq.orbits(ring())
    assert len(kept(tmp_path / "a" / "b")) == 1
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EQGEN_CACHE", "here")
    eq.orbits(ring())
    assert len(kept(tmp_path / "here")) == 1


# Where nothing can be written


def told(place, reason: str) -> str:
    """The whole warning, as a regular expression."""
    text = (
        f"results cannot be kept in {place} ({reason}): they are computed anew each time; set EQGEN_CACHE to a folder that can "
        "be written to, or to off"
    )
    return f"^{re.escape(text)}$"


@pytest.mark.parametrize(("below", "reason"), [("", os.strerror(errno.EEXIST)), ("deeper", os.strerror(errno.ENOTDIR))])
def test_a_folder_that_cannot_be_made_is_told_once_and_the_answer_is_right(below, reason, place, computed, monkeypatch):
    expected = without_cache(ring, monkeypatch)
    place.write_bytes(b"a file of somebody")
    folder = place / below if below else place
    monkeypatch.setenv("EQGEN_CACHE", str(folder))
    computed.clear()
    with pytest.warns(UserWarning, match=told(folder, reason)) as caught:
        assert_same(arrays_of(ring()), expected)
    assert len(caught) == 1
    # A second time, and for another result, nothing is said: a warning would fail this test.
    assert_same(arrays_of(ring()), expected)
    eq.orbits(SUPPORTS["pairs"]())
    assert computed == ["table", "table", "support"]
    assert place.read_bytes() == b"a file of somebody"


def test_a_read_only_folder_is_told_once_and_read_all_the_same(place, computed, monkeypatch):
    expected = without_cache(ring, monkeypatch)
    eq.orbits(ring())

    # What a folder without the permission to write does; the superuser may write to any.
    def denied(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place / "unfinished"))

    monkeypatch.setattr(Path, "write_bytes", denied)
    computed.clear()
    assert_same(arrays_of(ring()), expected)
    assert computed == []
    with pytest.warns(UserWarning, match=told(place, "Permission denied")) as caught:
        eq.orbits(turned_ring())
    assert len(caught) == 1
    assert eq.orbits(turned_ring()).certificate()
    assert len(kept(place)) == 1


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_without_write_permission_is_a_warning(place):
    place.mkdir()
    place.chmod(0o500)
    with pytest.warns(UserWarning, match=told(place, "Permission denied")):
        eq.orbits(ring())
    place.chmod(0o700)


def test_the_warning_points_at_the_line_of_the_user(place):
    place.write_bytes(b"")
    with pytest.warns(UserWarning, match=told(place, os.strerror(errno.EEXIST))) as caught:
        eq.orbits(ring())
    assert caught[0].filename == __file__


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_a_warning_and_leaves_no_partial_file(place, monkeypatch):
    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(UserWarning, match=told(place, "No space left on device")):
        found = eq.orbits(ring())
    assert kept(place) == []
    assert found.rank == N


# Interrupts


def halfway(path: Path, data: bytes) -> None:
    """Writing goes halfway."""
    with path.open("wb") as file:
        file.write(data[: len(data) // 2])
    raise KeyboardInterrupt


def interrupted(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("module", "function", "instead"), [(os, "replace", interrupted), (Path, "write_bytes", halfway)]
)
@pytest.mark.parametrize("make", [ring, SUPPORTS["pairs"]], ids=["table", "support"])
def test_an_interrupt_leaves_no_file(module, function, instead, make, place, computed, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(module, function, instead)
        with pytest.raises(KeyboardInterrupt):
            eq.orbits(make())
    assert kept(place) == []
    computed.clear()
    eq.orbits(make())
    assert computed
    assert len(kept(place)) == 1


@pytest.mark.parametrize(
    ("module", "function", "instead"), [(os, "replace", interrupted), (Path, "write_bytes", halfway)]
)
def test_an_interrupt_leaves_an_older_file_as_it_was(module, function, instead, place, monkeypatch):
    cache.store("name", {"one": np.arange(3)})
    with monkeypatch.context() as patch:
        patch.setattr(module, function, instead)
        with pytest.raises(KeyboardInterrupt):
            cache.store("name", {"one": np.arange(4)})
    assert [file.name for file in kept(place)] == ["name"]
    assert cache.load("name")["one"].tolist() == [0, 1, 2]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_an_interrupted_process_leaves_no_partial_file(place):
    code = (
        "import os, signal, sys, time\n"
        "import numpy as np\n"
        "from eqgen.common import cache\n"
        # A background job starts with interrupts ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "replace = os.replace\n"
        "def slow(*paths):\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(60)\n"
        "    replace(*paths)\n"
        "os.replace = slow\n"
        "cache.store('name', {'one': np.arange(100)})\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"writing\n"
        assert len(kept(place)) == 1
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert b"KeyboardInterrupt" in err
    assert kept(place) == []


KILLED = """
import os, random, signal, sys, time
import numpy as np
from eqgen.common import cache

moments = random.Random(0)
for number in range(int(sys.argv[1])):
    writer = os.fork()
    if not writer:
        while True:
            for value in range(3):
                cache.store("name", {"one": np.full(100_000, value)})
    time.sleep(moments.uniform(0, 0.02))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    found = cache.load("name")
    if found is None:
        assert not (cache.folder() / "name").exists()
    else:
        assert found["one"].size == 100_000 and len(set(found["one"].tolist())) == 1
cache.store("last", {"one": np.arange(5)})
assert cache.load("last")["one"].tolist() == [0, 1, 2, 3, 4]
assert cache.load("name") is not None
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.slow(sample=0))])
def test_a_writer_that_is_killed_at_any_moment_leaves_a_whole_result_or_none(kills, place):
    subprocess.run([sys.executable, "-W", "error", "-c", KILLED, str(kills)], check=True)
    left = [file for file in kept(place) if file.name not in ("last", "name")]
    assert all(file.name.startswith("eqgen-unfinished-") for file in left)
    # A day later they are gone.
    for file in left:
        os.utime(file, (time.time() - 10**5,) * 2)
    cache.store("name", {"one": np.arange(3)})
    assert [file.name for file in kept(place)] == ["last", "name"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits are set otherwise there")
def test_a_disk_that_fills_up_while_a_result_is_written_loses_nothing(place):
    code = (
        "import resource, warnings, numpy as np\n"
        "from eqgen.common import cache\n"
        "cache.store('name', {'one': np.arange(3)})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "with warnings.catch_warnings(record=True) as told:\n"
        "    cache.store('name', {'one': np.arange(10_000)})\n"
        "assert len(told) == 1 and 'cannot be kept' in str(told[0].message), told\n"
        "assert cache.load('name')['one'].tolist() == [0, 1, 2]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert [file.name for file in kept(place)] == ["name"]


# Several at once


def test_processes_that_compute_the_same_at_once_leave_one_valid_file(place, computed, monkeypatch):
    code = (
        "import sys, numpy as np, eqgen as eq\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        f"found = eq.orbits(eq.mapping('p -> p', p=[np.roll(np.arange({N}), -1)]))\n"
        f"assert (found.labels == (np.arange({N}) - np.arange({N})[:, None]) % {N}).all()\n"
        "print('done', flush=True)\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        assert process.communicate(timeout=60)[0] == "done\n"
        assert process.returncode == 0
    assert len(kept(place)) == 1
    assert cache.load(kept(place)[0].name) is not None
    # Another process finds what they left.
    assert_same(arrays_of(ring()), without_cache(ring, monkeypatch))
    assert computed == ["table"]


@pytest.mark.slow
def test_whoever_reads_while_others_write_finds_a_whole_result_or_none(place):
    code = (
        "import sys, numpy as np\n"
        "from eqgen.common import cache\n"
        "for _ in range(60):\n"
        "    cache.store('name', {'one': np.full(30_000, int(sys.argv[1]))})\n"
    )
    writers = [subprocess.Popen([sys.executable, "-W", "error", "-c", code, str(number)]) for number in range(3)]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        found = cache.load("name")
        if found is not None:
            assert found["one"].size == 30_000
            (number,) = set(found["one"].tolist())
            seen.add(number)
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert seen <= {0, 1, 2}
    assert seen
    assert [file.name for file in kept(place)] == ["name"]


# Old files


def stored(place: Path, name: str, size: int, age: int, **options) -> None:
    cache.store(name, {"one": np.zeros(size, dtype=np.int8)}, **options)
    then = time.time() - age
    os.utime(place / name, (then, then))


NAMES = [cache.key("pruning", [np.array(number)]) for number in range(6)]


def test_the_files_that_were_written_longest_ago_go_first(place):
    *older, newest = NAMES
    for name, age in zip(older, (300, 400, 100, 200, 150), strict=True):
        stored(place, name, 1000, age)
    stored(place, newest, 1000, 0, largest_folder=4 * (place / older[0]).stat().st_size)
    assert {file.name for file in kept(place)} == {*older[2:], newest}


def test_what_a_killed_process_left_is_taken_away_after_a_day(place):
    place.mkdir()
    for name, age in (
        ("eqgen-unfinished-new", 3600),
        ("eqgen-unfinished-old", 2 * 24 * 3600),
        ("unfinished-old", 10**6),
    ):
        (place / name).write_bytes(b"half")
        os.utime(place / name, (time.time() - age,) * 2)
    cache.store(NAMES[0], {"one": np.zeros(1)})
    # Another process may still be writing the new one; the last one is somebody else's.
    assert {file.name for file in kept(place)} == {NAMES[0], "eqgen-unfinished-new", "unfinished-old"}


def test_nothing_is_deleted_while_there_is_room(place):
    for name in NAMES:
        stored(place, name, 1000, 1000)
    total = sum(file.stat().st_size for file in kept(place))
    stored(place, NAMES[2], 1000, 0, largest_folder=total)
    assert len(kept(place)) == len(NAMES)


def test_a_result_that_would_fill_the_folder_is_not_kept(place):
    stored_at_most = {"largest_folder": 4 * 999}
    cache.store(NAMES[0], {"one": np.zeros(1000, dtype=np.int8)}, **stored_at_most)
    assert not place.exists()
    cache.store(NAMES[0], {"one": np.zeros(999, dtype=np.int8)}, **stored_at_most)
    assert len(kept(place)) == 1


def test_what_somebody_else_keeps_in_that_folder_is_never_deleted(place):
    # EQGEN_CACHE may name any folder, one with other things in it, too.
    place.mkdir()
    thesis = place / "thesis.tex"
    thesis.write_text("all of it " * 1000)
    os.utime(thesis, (1, 1))
    (place / "photographs").mkdir()
    os.utime(place / "photographs", (1, 1))
    for name in NAMES:
        cache.store(name, {"one": np.zeros(1000, dtype=np.int8)}, largest_folder=4000)
    assert thesis.exists()
    assert (place / "photographs").is_dir()
    assert len(kept(place)) <= 2 + 3


@pytest.mark.parametrize("word", ["off", "OFF", "0", "no", "False"])
def test_the_cache_is_turned_off_by_any_such_word(word, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EQGEN_CACHE", word)
    assert cache.folder() is None


def test_a_home_folder_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("EQGEN_CACHE", "~/kept")
    assert cache.folder() == tmp_path / "kept"
