"""Every mutant, and the share of them that the tests run: in the gate three times that of another run."""

import os

from tests.mutants.command_mutants import COMMANDS
from tests.mutants.replay_mutants import REPLAY
from tests.mutants.transform_mutants import TRANSFORM

MUTANTS = (*TRANSFORM, *REPLAY, *COMMANDS)
SHARE = MUTANTS[:: 9 if os.environ.get("TTL_ARCHIVE_SLOW") else 27]
