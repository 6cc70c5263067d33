"""Every mutant, and the share of them that the gate runs."""

from tests.mutants.transform_mutants import TRANSFORM

MUTANTS = TRANSFORM
GATE_SHARE = MUTANTS[::6]
