"""The choice: every part of every block in every way that fits, and the cheapest combination, at the prices of `prices.py`."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product as combinations
from math import inf, isfinite, prod
from typing import cast

from eqgen.common.errors import DeclarationError, checked_choice, in_short
from eqgen.orbitals.declare import looks_like_mapping
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.orbitals.orbits import Orbits, orbits
from eqgen.orbitals.pattern import Pattern
from eqgen.orbitals.pattern import pattern as as_pattern
from eqgen.orbitals.product import ProductLabels
from eqgen.programs.cost import BATCH, CHANNELS, cost_alone, cost_of, refuse_sizes
from eqgen.programs.entries import GatherEntries
from eqgen.programs.lowering.fourier import FOURIER, FOURIER_OF_SUBGROUP, merged
from eqgen.programs.lowering.gather import GATHER, gathered
from eqgen.programs.lowering.local import LOCAL
from eqgen.programs.lowering.lowering import Problem, Sizes, problem_for
from eqgen.programs.lowering.plan_cache import kept
from eqgen.programs.lowering.pooled import POOLED
from eqgen.programs.lowering.spectral import SPECTRAL
from eqgen.programs.program import Program
from eqgen.programs.steps import KroneckerFactor, KroneckerProduct, Side, one_block
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.space import Term

LOWERINGS = (GATHER, POOLED, FOURIER, FOURIER_OF_SUBGROUP, SPECTRAL, LOCAL)

NAMES = ("auto", *dict.fromkeys(lowering.name for lowering in LOWERINGS))
"""What may be asked for."""

KEPT = 16
"""So many plans are kept in memory: the layers of a network are often alike."""

MOST_COMBINATIONS = 256
"""Where the ways of all axes combine to more, they are improved one axis after another instead of all compared."""


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
    sizes = channels_in, channels_out, batch
    if not isinstance(found, Orbits) and not looks_like_mapping(found):
        return _typed(as_pattern(found).in_order_of_appearance(), lowering, sizes)
    declared = found if isinstance(found, Orbits) else orbits(as_mapping(cast(Mapping | str, found)))
    return _planned(declared, declared.mapping.declaration, lowering, sizes)


@lru_cache(maxsize=KEPT)
def _planned(declared: Orbits, declaration: str, lowering: str, sizes: Sizes) -> Program:
    """The same, kept for the next layer that is declared in the same words (equal orbits may name their axes otherwise)."""
    return kept(declared, (lowering, *sizes), lambda: _chosen(declared, lowering, sizes))


def _chosen(declared: Orbits, lowering: str, sizes: Sizes) -> Program:
    title, channels, batch = declared.mapping.in_short(), sizes[:2], sizes[2]
    # Of rank 0 there is nothing to apply: a layer made of it is its bias alone.
    blocks = list(_blocks(declared, sizes)) if declared.rank else []
    planned: list[KroneckerProduct] = []
    runner_up = ""
    for block, problems in blocks:
        ways = [_ways(problem, lowering, declared.mapping, alone=len(problems) == 1) for problem in problems]
        (cost, best), *others = _priced(block, ways, sizes)
        planned.append(best)
        if others and len(blocks) == 1:
            program = Program(title, declared.shape, declared.rank, (best,))
            runner_up = (
                f"{_told_apart(others[0][1], best)}, {others[0][0] / cost:.3g} times the cost of {program.lowering}"
            )
    return Program(title, declared.shape, declared.rank, tuple(planned), runner_up, channels, batch)


def _priced(
    block: KroneckerProduct, ways: Sequence[Sequence[KroneckerFactor]], sizes: Sizes
) -> list[tuple[int, KroneckerProduct]]:
    """Combinations of ways, one for each factor, with what they cost, the cheapest first; of very many only good ones."""
    prices: dict[tuple[int, ...], tuple[int, KroneckerProduct]] = {}

    def price(numbers: tuple[int, ...]) -> int:
        if numbers not in prices:
            factors = _in_one([way[number] for way, number in zip(ways, numbers, strict=True)])
            combined = replace(block, factors=factors)
            prices[numbers] = cost_of([combined], *sizes).total, combined
        return prices[numbers][0]

    if prod(map(len, ways)) <= MOST_COMBINATIONS:
        for numbers in combinations(*(range(len(way)) for way in ways)):
            price(numbers)
    else:
        # Ways of one kind for all axes, each improved axis by axis for as long as that helps.
        for first in range(max(map(len, ways))):
            current, before = tuple(min(first, len(way) - 1) for way in ways), inf
            while price(current) < before:
                before = price(current)
                for axis, way in enumerate(ways):
                    current = min(
                        ((*current[:axis], number, *current[axis + 1 :]) for number in range(len(way))), key=price
                    )
    return [prices[numbers] for numbers in sorted(prices, key=lambda numbers: (prices[numbers][0], numbers))]


def _told_apart(block: KroneckerProduct, other: KroneckerProduct) -> str:
    """The lowerings of a block; where those of another are called alike, with their first steps."""
    name, like = (" x ".join(factor.lowering for factor in product.factors) for product in (block, other))
    return name if name != like else f"{name} ({' x '.join(factor.stages[0].pool_words for factor in block.factors)})"


def _typed(pattern: Pattern, lowering: str, sizes: Sizes) -> Program:
    """The program of a typed pattern: no group is known, so its matrix is made whole."""
    if lowering not in ("auto", "gather"):
        raise DeclarationError(
            f"the pattern {pattern.in_one_line()} has no {lowering} program, because it names no group: use "
            'lowering="auto", or declare the symmetry'
        )
    m, n = pattern.shape
    entries = GatherEntries(pattern.signed_labels.ravel(), pattern.rank)
    part = gathered((m, n), entries, ("a typed pattern names no group, so no other way is known",))
    blocks = (one_block((m, n), part),) if pattern.rank else ()
    title = f"pattern {pattern.in_one_line()}"
    return Program(title, (m, n), pattern.rank, blocks, "", sizes[:2], sizes[2])


def _in_one(parts: Sequence[KroneckerFactor]) -> tuple[KroneckerFactor, ...]:
    """Neighbouring Fourier transforms as one of more dimensions."""
    joined: list[KroneckerFactor] = []
    for part in parts:
        both = merged(joined[-1], part) if joined else None
        if both is None:
            joined.append(part)
        else:
            joined[-1] = both
    return tuple(joined)


def refuse_unknown(lowering: object) -> None:
    """Stop at anything else than the name of a lowering."""
    checked_choice("lowering", lowering, NAMES)


def _blocks(declared: Orbits, sizes: Sizes) -> Iterator[tuple[KroneckerProduct, list[Problem]]]:
    """The blocks, still without factors, and the problem of each factor."""
    mapping, form = declared.mapping, declared.form
    if not isinstance(form, ProductLabels):
        # With a support, axes that are independent still make one problem.
        yield one_block(form.shape), [problem_for(mapping, form, sizes)]
        return
    for block in form.blocks:
        if block.rank:
            output, input_ = (
                Side(start, tuple(factor.kind.count for factor in term), _order(term, block.units))
                for start, term in ((block.top, block.output), (block.left, block.input))
            )
            yield (
                KroneckerProduct(output, input_, block.offset, ()),
                [
                    problem_for(mapping.parts[unit, block.output, block.input], labels, sizes)
                    for unit, labels in zip(block.units, block.factors, strict=True)
                ],
            )


def _order(term: Term, units: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The factors of a term, unit by unit; fixed points, of which there is one each, stand anywhere."""
    by_unit = [place for unit in units for place, factor in enumerate(term) if factor.axis in unit]
    return (*by_unit, *(place for place, factor in enumerate(term) if factor.axis is None))


def _ways(problem: Problem, lowering: str, mapping: Mapping, alone: bool) -> list[KroneckerFactor]:
    """The ways for one problem that are worth comparing, or those that are asked for.

    Branch and bound: a way that cannot cost less than one that is made is not made. Beside other problems, with which its
    cost is multiplied and not added, only what pays nowhere (an infinite bound) is left out so.
    """
    made: list[KroneckerFactor] = []
    why_not: dict[str, str] = {}
    notes: list[str] = []
    cheapest = inf
    ways = [(way.lower_bound(problem), way) for way in LOWERINGS if lowering in ("auto", way.name)]
    for bound, way in sorted(ways, key=lambda pair: pair[0]):
        if lowering == "auto" and (bound > cheapest if alone else bool(made) and bound == inf):
            if way.left_out and isfinite(bound) and not way.applies(problem):
                notes.append(way.left_out.format(bound / cheapest))
            continue
        reason = way.applies(problem)
        factor = reason or way.make(problem)
        if isinstance(factor, KroneckerFactor):
            made.append(factor)
            cheapest = min(cheapest, cost_alone(factor, *problem.sizes).total)
        elif lowering != "auto" or not reason:
            why_not[way.name] = factor
    if not made:
        raise DeclarationError(_refusal(mapping, lowering, why_not))
    return [replace(factor, notes=(*factor.notes, *notes)) for factor in made] if notes else made


def _refusal(mapping: Mapping, lowering: str, why_not: dict[str, str]) -> str:
    kind = "" if lowering == "auto" else f"{lowering} "
    # The plain form is the last resort.
    names = sorted(why_not, key=lambda name: (name == GATHER.name, NAMES.index(name)))
    reasons = why_not[lowering] if kind else "; ".join(f"{name}: {why_not[name]}" for name in names)
    hint = 'use lowering="auto"' if kind else "name the pairs that matter with support=..."
    if mapping.support is not None and not kind:
        hint = "use a smaller support"
    return f"{in_short(mapping.in_short())} has no {kind}program ({reasons}): {hint}"
