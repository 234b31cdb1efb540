"""The proof: what `verify` says of the network before training, after training and after its file is loaded again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eqgen.cli.demo.networks import WHOLE
from eqgen.common.text import count
from eqgen.verification.report import Report
from eqgen.verification.verify import equivariant_layers, verify


@dataclass(frozen=True)
class Stage:
    """The reports on one network at one moment.

    Attributes:
        name: of the moment, like `after training`.
        network: the report on the network as a whole, in its own float32.
        layers: a report on each of its eqgen layers, with the integer certificate.
    """

    name: str
    network: Report
    layers: tuple[Report, ...]

    def __bool__(self) -> bool:
        return bool(self.network) and all(self.layers)

    def __str__(self) -> str:
        """One line."""
        proved = sum(report.certificate is not None and bool(report) for report in self.layers)
        return (
            f"{'verified' if self else 'NOT VERIFIED'}: {proved} of {count(len(self.layers), 'layer')} by certificate, network "
            f"to {self.network.max_error:.0e}"
        )


def check(name: str, network: Any) -> Stage:
    """Verify a network as a whole, and each of its eqgen layers."""
    return Stage(name, verify(network, WHOLE), tuple(verify(layer) for layer in equivariant_layers(network)))


def full_text(stages: Sequence[Stage]) -> str:
    """Every report of every stage, for the file."""
    parts = []
    for stage in stages:
        parts += [stage.name.upper(), str(stage.network), *map(str, stage.layers), ""]
    return "\n".join(parts)
