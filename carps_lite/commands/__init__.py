"""The subcommands of `carps-lite`, one file each; `cli.py` finds them."""
