"""The choice: every part of every block in every way that fits, and the cheapest combination."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import product as combinations
from typing import cast

from eqgen.common.errors import DeclarationError
from eqgen.common.memory import fits
from eqgen.common.text import in_short
from eqgen.orbitals.declare import looks_like_mapping
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.orbitals.matrix import PairLabels
from eqgen.orbitals.orbits import Orbits, orbits
from eqgen.orbitals.pattern import Pattern
from eqgen.orbitals.pattern import pattern as as_pattern
from eqgen.orbitals.product import Block as LabelBlock
from eqgen.orbitals.product import ProductLabels
from eqgen.programs.cost import BATCH, CHANNELS, cost_of, refuse_sizes
from eqgen.programs.entries.gather import GatherEntries
from eqgen.programs.lowering.fourier import fourier, fourier_of_subgroup, merged
from eqgen.programs.lowering.gather import gather, gathered
from eqgen.programs.lowering.local import local
from eqgen.programs.lowering.plan_cache import kept
from eqgen.programs.lowering.pooled import pooled
from eqgen.programs.lowering.problem import Action, Unit, space_name, unit_of
from eqgen.programs.lowering.spectral import spectral
from eqgen.programs.machine import CPU, Work
from eqgen.programs.program import Program
from eqgen.programs.steps import KroneckerFactor, KroneckerProduct, Side
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.space import Term

SMALL_ORBIT = 24
FINE = 8
"""On larger orbits many small blocks cost more than what they save beside the Fourier transform of a subgroup with up to so
many entries for each parameter (measured: D(40) and D(100) train 1.4 and 3 times as fast by that of their rotations)."""

LARGE_ORBIT = 64
"""Larger orbits are not taken apart where that cannot pay."""

KEPT = 16
"""So many plans are kept in memory: the layers of a network are often alike."""

FEW_ORBITS = 24
"""Where a Fourier transform serves, kernels of more parameters are not pooled besides: sums would have to be as many."""

LOWERINGS = ("auto", "gather", "pooled", "spectral", "local")


def program(
    found: Orbits | Mapping | Pattern | str,
    lowering: str = "auto",
    *,
    channels_in: int = CHANNELS,
    channels_out: int = CHANNELS,
    batch: int = BATCH,
) -> Program:
    """The cheapest program for some orbits, or the one that is asked for.

    Args:
        found: Orbits, a Mapping, a Pattern, or the text of a mapping or pattern.
        lowering: "auto", "gather", "pooled", "spectral" or, where a support is given, "local".
        channels_in, channels_out, batch: what it is to be cheap for.

    Raises:
        DeclarationError: there is no such lowering, or it cannot serve this mapping.

    >>> import eqgen as eq
    >>> eq.program("p -> p where p = S(100)").lowering
    'pooled'
    """
    refuse_unknown(lowering)
    refuse_sizes(channels_in, channels_out, batch)
    if not isinstance(found, Orbits) and not looks_like_mapping(found):
        return _typed(as_pattern(found).in_order_of_appearance(), lowering, channels_in, channels_out, batch)
    known = found if isinstance(found, Orbits) else orbits(as_mapping(cast(Mapping | str, found)))
    return _planned(known, known.mapping.declaration, lowering, channels_in, channels_out, batch)


@lru_cache(maxsize=KEPT)
def _planned(
    known: Orbits, declaration: str, lowering: str, channels_in: int, channels_out: int, batch: int
) -> Program:
    """The same, kept for the next layer that is declared in the same words (equal orbits may name their axes otherwise)."""
    sizes = channels_in, channels_out, batch
    return kept(known.mapping, (lowering, *sizes), lambda: _chosen(known, lowering, sizes))


def _chosen(known: Orbits, lowering: str, sizes: tuple[int, int, int]) -> Program:
    """Every way for every part of every block, and the cheapest combination."""
    channels_in, channels_out, batch = sizes
    channels = channels_in, channels_out
    if not known.rank:
        # Nothing to apply: a layer made of it is its bias alone.
        return Program(known.mapping.in_short(), known.shape, 0, (), "", channels, batch)
    blocks = list(_blocks(known))
    planned: tuple[KroneckerProduct, ...] = ()
    runner_up: list[tuple[int, str]] = []
    for block, units in blocks:
        ways = [_parts(unit, lowering, sizes, known.mapping) for unit in units]
        costs = sorted(
            (
                (cost_of([replace(block, factors=parts)], *sizes).total, number, parts)
                for number, parts in enumerate(map(_in_one, combinations(*ways)))
            ),
        )
        planned += (replace(block, factors=costs[0][2]),)
        if len(costs) > 1:
            runner_up.append((costs[1][0] - costs[0][0], _told_apart(costs[1][2], costs[0][2])))
    whole = Program(known.mapping.in_short(), known.shape, known.rank, planned, "", channels, batch)
    if len(blocks) != 1 or not runner_up:
        return whole
    more, name = runner_up[0]
    total = whole.cost().total
    return replace(whole, runner_up=f"{name}, {(total + more) / total:.3g} times the cost of {whole.lowering}")


def _told_apart(parts: tuple[KroneckerFactor, ...], others: tuple[KroneckerFactor, ...]) -> str:
    """The lowerings of some parts; where those of others are called alike, with their first steps."""
    name, other = (" x ".join(part.lowering for part in found) for found in (parts, others))
    return name if name != other else f"{name} ({' x '.join(part.stages[0].pool_words for part in parts)})"


def _typed(pattern: Pattern, lowering: str, channels_in: int, channels_out: int, batch: int) -> Program:
    """The program of a typed pattern: no group is known, so its matrix is made whole."""
    if lowering not in ("auto", "gather"):
        raise DeclarationError(
            f"the pattern {pattern.in_one_line()} has no {lowering} program, because it names no group: use "
            'lowering="auto", or declare the symmetry'
        )
    m, n = pattern.shape
    entries = GatherEntries(pattern.labels.ravel(), pattern.signs.ravel(), pattern.rank)
    part = gathered((m, n), entries, ("a typed pattern names no group, so no other way is known",))
    blocks = (KroneckerProduct(Side(0, (m,), (0,)), Side(0, (n,), (0,)), 0, (part,)),) if pattern.rank else ()
    title = f"pattern {pattern.in_one_line()}"
    return Program(title, (m, n), pattern.rank, blocks, "", (channels_in, channels_out), batch)


def _in_one(parts: tuple[KroneckerFactor, ...]) -> tuple[KroneckerFactor, ...]:
    """Neighbouring Fourier transforms as one of more dimensions."""
    found: list[KroneckerFactor] = []
    for part in parts:
        both = merged(found[-1], part) if found else None
        if both is None:
            found.append(part)
        else:
            found[-1] = both
    return tuple(found)


def refuse_unknown(lowering: object) -> None:
    """Stop at anything else than the name of a lowering."""
    if lowering not in LOWERINGS:
        known = ", ".join(f'"{name}"' for name in LOWERINGS[:-1])
        raise DeclarationError(f'lowering is {lowering!r}: expected {known} or "{LOWERINGS[-1]}"')


def _blocks(found: Orbits) -> Iterator[tuple[KroneckerProduct, list[Unit]]]:
    """The blocks, still without parts, and the problem of each part."""
    mapping, form = found.mapping, found.form
    if not isinstance(form, ProductLabels):
        sides = [Side(0, (size,), (0,)) for size in form.shape]
        # With a support, axes that are independent still make one problem.
        yield KroneckerProduct(sides[0], sides[1], 0, ()), [_whole_unit(mapping, form)]
        return
    for block in form.blocks:
        if not block.rank:
            continue
        sides = [Side(start, _grid(term), _order(term, block)) for start, term in _places(block)]
        units = [
            unit_of(mapping.parts[unit, block.output, block.input], factor)
            for unit, factor in zip(block.units, block.factors, strict=True)
        ]
        yield KroneckerProduct(sides[0], sides[1], block.offset, ()), units


def _whole_unit(mapping: Mapping, form: PairLabels) -> Unit:
    if len(mapping.units) <= 1:
        return unit_of(mapping, form, mapping.support is not None)
    output = Action(space_name(mapping.output, mapping), tuple(move.output for move in mapping.generators))
    input_ = Action(space_name(mapping.input, mapping), tuple(move.input for move in mapping.generators))
    return Unit(output, input_, (), form, mapping.input.shape, True)


def _places(block: LabelBlock) -> list[tuple[int, Term]]:
    return [(block.top, block.output), (block.left, block.input)]


def _grid(term: Term) -> tuple[int, ...]:
    return tuple(factor.kind.count for factor in term)


def _order(term: Term, block: LabelBlock) -> tuple[int, ...]:
    """The factors of a term, unit by unit; fixed points, of which there is one each, stand anywhere."""
    by_unit = [place for unit in block.units for place, factor in enumerate(term) if factor.axis in unit]
    return (*by_unit, *(place for place, factor in enumerate(term) if factor.axis is None))


def _parts(unit: Unit, lowering: str, sizes: tuple[int, int, int], mapping: Mapping) -> list[KroneckerFactor]:
    """The ways for one unit that are worth comparing, or the one that is asked for.

    Sizes are (channels_in, channels_out, batch).
    """
    channels_in, channels_out, _ = sizes
    found: list[KroneckerFactor] = []
    why_not: dict[str, str] = {}

    def add(name: str, part: KroneckerFactor | str) -> None:
        if isinstance(part, str):
            why_not[name] = part
        else:
            found.append(part)

    through = fourier(unit) if lowering in ("auto", "spectral") else None
    part_of_group = through is None and (lowering == "spectral" or (lowering == "auto" and _is_high(unit)))
    if part_of_group:
        through = fourier_of_subgroup(unit)
    if lowering == "pooled" or (lowering == "auto" and (through is None or unit.labels.rank <= FEW_ORBITS)):
        add("pooled", pooled(unit, channels_in, channels_out))
    if lowering == "local" or (lowering == "auto" and unit.is_local):
        add("local", local(unit))
    if through is not None:
        found.append(through)
    wanted = lowering == "spectral" or (lowering == "auto" and (not found or _is_high(unit)))
    if wanted and (through is None or (part_of_group and not _is_fine(unit, through))):
        times = _least_times(unit, found, sizes) if lowering == "auto" else 0
        if times > 1:
            note = (
                f"isotypic components are not worked out: their transforms alone take {times:.2g} times as much or more"
            )
            found = [replace(part, notes=(*part.notes, note)) for part in found]
        else:
            add("spectral", spectral(unit))
    m, n = unit.shape
    table_fits = fits(16 * m * n)
    if not table_fits:
        why_not["gather"] = f"a table of {m} x {n} pairs does not fit in memory"
    elif lowering == "gather" or (lowering == "auto" and _is_small(unit, found)):
        found.append(gather(unit.labels.table()))
    if not found:
        raise DeclarationError(_refusal(mapping, lowering, why_not))
    return found


def _refusal(mapping: Mapping, lowering: str, why_not: dict[str, str]) -> str:
    kind = "" if lowering == "auto" else f"{lowering} "
    reasons = "; ".join(f"{name}: {why}" for name, why in why_not.items()) if not kind else why_not[lowering]
    hint = 'use lowering="auto"' if kind else "name the pairs that matter with support=..."
    if mapping.support is not None and not kind:
        hint = "use a smaller support"
    return f"{in_short(mapping.in_short())} has no {kind}program ({reasons}): {hint}"


def _is_high(unit: Unit) -> bool:
    """Whether the rank is so high that the isotypic decomposition may be cheaper than sums."""
    return unit.labels.rank > 4


def _is_fine(unit: Unit, through: KroneckerFactor) -> bool:
    """Whether the transform of a subgroup leaves so little to gain that the isotypic decomposition is not worked out."""
    largest = max(orbit.size for side in (unit.output, unit.input) for orbit in side.orbits)
    return largest > SMALL_ORBIT and through.entries.shape[0] <= FINE * unit.labels.rank


def _least_times(unit: Unit, others: list[KroneckerFactor], sizes: tuple[int, int, int]) -> float:
    """How many times the cheapest of some parts the transforms of isotypic components take, where orbits are large.

    Taking a large orbit apart takes seconds, and what its transforms cost is known before.
    """
    if not others or max(orbit.size for side in (unit.output, unit.input) for orbit in side.orbits) <= LARGE_ORBIT:
        return 0
    channels_in, channels_out, batch = sizes
    read = sum(orbit.size**2 for orbit in unit.input.orbits) * channels_in
    written = sum(orbit.size**2 for orbit in unit.output.orbits) * channels_out
    # Once forward and once backward.
    least = 2 * batch * CPU.price(Work(read + written, transformed=read + written))
    m, n = unit.shape
    sides = Side(0, (m,), (0,)), Side(0, (n,), (0,))
    return least / min(cost_of([KroneckerProduct(*sides, 0, (part,))], *sizes).total for part in others)


def _is_small(unit: Unit, others: list[KroneckerFactor]) -> bool:
    """Whether the whole table is worth looking at."""
    return not others or unit.shape[0] * unit.shape[1] <= 1 << 22
