"""Certificates: the exact check, in integers, that labels are exactly the orbits, however they were made."""

from eqgen.certificate.burnside import burnside_count as burnside_count
from eqgen.certificate.forms import certify_form as certify_form
from eqgen.certificate.table import certify as certify
from eqgen.certificate.value import Certificate as Certificate
