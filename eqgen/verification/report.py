"""Report: what a verification found, as a value that prints itself."""

from dataclasses import dataclass

from eqgen.orbitals.certificate import Certificate


@dataclass(frozen=True)
class Check:
    """One line of a report: what was checked, whether it holds (None: skipped), and the evidence."""

    name: str
    holds: bool | None
    evidence: str


@dataclass(frozen=True)
class Report:
    """What `verify` found; true when nothing failed.

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
    """

    subject: str
    declaration: str
    checks: tuple[Check, ...]
    certificate: Certificate | None
    max_error: float
    tolerance: float
    dtype: str
    difference: str = ""

    def __bool__(self) -> bool:
        # What was skipped proves nothing: something must hold.
        return all(check.holds is not False for check in self.checks) and any(check.holds for check in self.checks)

    def __str__(self) -> str:
        words = {True: "holds", False: "FAILS", None: "skipped"}
        width = max(len(check.name) for check in self.checks)
        lines = [f"{self.subject}: {self.declaration}"]
        lines += [f"  {check.name.ljust(width)}  {words[check.holds]:7}  {check.evidence}" for check in self.checks]
        failed = any(check.holds is False for check in self.checks)
        lines.append(f"  => {'NOT VERIFIED' if failed else 'verified' if self else 'UNDECIDED'}")
        return "\n".join(lines)
