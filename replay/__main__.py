"""`python -m replay`: the commands of `ttl-archive replay`, and restore beside them."""

from ttl_archive.replay.commands.groups import replay, restore

if __name__ == "__main__":
    replay.add_command(restore)
    replay(prog_name="python -m replay")
