"""The emulator and the delivered files of the tests of queries."""

from tests.infra.query.conftest import delivered, emulator

__all__ = ["delivered", "emulator"]
