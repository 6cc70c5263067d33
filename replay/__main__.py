"""`python -m replay`: the commands of `ttl-archive replay`, and restore beside them."""

from replay.cli import replay, restore

if __name__ == "__main__":
    replay.add_command(restore)
    replay(prog_name="python -m replay")
