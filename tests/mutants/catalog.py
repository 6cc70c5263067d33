"""Every mutant, and the share of them that the gate runs."""

from tests.mutants.command_mutants import COMMANDS
from tests.mutants.replay_mutants import REPLAY
from tests.mutants.transform_mutants import TRANSFORM

MUTANTS = (*TRANSFORM, *REPLAY, *COMMANDS)
GATE_SHARE = MUTANTS[::9]
