"""`python -m replay`: the commands without the rest of ttl-archive."""

from replay.cli import replay

if __name__ == "__main__":
    replay(prog_name="python -m replay")
