"""Certificates: the exact check, in integers, that labels are exactly the orbits, however they were made."""

from eqgen.orbitals.certificate.burnside import burnside_count as burnside_count
from eqgen.orbitals.certificate.forms import certify_form as certify_form
from eqgen.orbitals.certificate.table import Certificate as Certificate
from eqgen.orbitals.certificate.table import certify as certify
