"""Report: what a verification found, as a value that prints itself."""

from dataclasses import dataclass

from eqgen.common.errors import in_short
from eqgen.layers.equivariance.outcome import Outcome
from eqgen.orbitals.certificate import Certificate


@dataclass(frozen=True)
class Check:
    """One line of a report.

    Attributes:
        name: what was checked.
        holds: whether it holds, None where that was not told.
        evidence: what was seen.
        open: whether the whole stays undecided by it, where it was not told; what was skipped leaves nothing open.
    """

    name: str
    holds: bool | None
    evidence: str
    open: bool = False


def numeric_check(name: str, outcome: Outcome, words: str = "") -> Check:
    """A check by numbers, which leaves the verdict open where nothing was shown."""
    return Check(name, outcome.holds, f"{words}{outcome}", open=outcome.holds is None)


def broken_by_training(outcome: Outcome, culprit: str = "") -> Check:
    """The check of a model or module that other weights than it has make wrong."""
    evidence = f"only the weights that it has now keep the symmetry, others break it: {outcome}{culprit}"
    return Check("training", False, evidence)


def raised_check(name: str, error: Exception, when: str) -> Check:
    """A check that is skipped, for what it calls raises."""
    return Check(name, None, f"{when} it raises {type(error).__name__}: {in_short(' '.join(str(error).split()), 200)}")


@dataclass(frozen=True)
class Report:
    """What `verify` found; true when it is verified, and not when it is undecided.

    Attributes:
        subject: what was checked.
        declaration: the mapping, or the typed pattern.
        checks: one record a check, in order.
        certificate: the integer certificate, None for a typed pattern or a model that eqgen did not make.
        max_error: the largest difference between moving the input and moving the output, relative to the largest output.
        tolerance: what max_error may be: 100 eps of the dtype.
        dtype: the dtype of the numeric check.
        difference: where moving the input is seen not to move the output: the element, the input, both answers, and the first
            point where they differ; else empty.
        verdict: "verified", "NOT VERIFIED" where a check failed, "UNDECIDED" where one was left open or none held.
    """

    subject: str
    declaration: str
    checks: tuple[Check, ...]
    certificate: Certificate | None
    max_error: float
    tolerance: float
    dtype: str
    difference: str = ""

    @property
    def verdict(self) -> str:
        """What all checks together say."""
        if any(check.holds is False for check in self.checks):
            return "NOT VERIFIED"
        # What was skipped proves nothing: something must hold.
        told = any(check.holds for check in self.checks) and not any(check.open for check in self.checks)
        return "verified" if told else "UNDECIDED"

    def __bool__(self) -> bool:
        return self.verdict == "verified"

    def __str__(self) -> str:
        words = [
            {True: "holds", False: "FAILS", None: "open" if check.open else "skipped"}[check.holds]
            for check in self.checks
        ]
        width = max(len(check.name) for check in self.checks)
        lines = [f"{self.subject}: {self.declaration}"]
        lines += [
            f"  {check.name.ljust(width)}  {word:7}  {check.evidence}"
            for check, word in zip(self.checks, words, strict=True)
        ]
        return "\n".join([*lines, f"  => {self.verdict}"])
