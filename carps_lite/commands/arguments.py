"""Arguments of the form key=value, read by Hydra's grammar and checked against a config file's keys."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from carps_lite.catalog import PACKAGED
from carps_lite.errors import InputError, nearest

HYDRA_FLAGS = ("--cfg", "-c", "--package", "-p", "--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp")
FLAGS = ("-m", "--multirun", "--resolve", "--info", "-i", "--hydra-help", "--run", "-r", *HYDRA_FLAGS)
TEXTS = ("results", "out", "title", "from")  # folders and text, which may hold any letter
_PLAIN = re.compile(r"[A-Za-z0-9_./+%@-]+")
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'"})
LISTS = ("task", "optimizer", "seeds", "rerun", "name", "k", "validate")  # `key=a,b` is a list


def defaults(name: str) -> dict[str, Any]:
    """The keys of `configs/<name>.yaml` and their values, Hydra's own left out."""
    from omegaconf import OmegaConf

    content: Any = OmegaConf.to_container(OmegaConf.load(PACKAGED / f"{name}.yaml"), resolve=False)
    return {key: value for key, value in content.items() if key not in ("hydra", "defaults")}


def check_overrides(command: str, args: Sequence[str], known: Mapping[str, Any]) -> None:
    """Raise InputError, in one line, on what is no key=value or no key of this command. Flags and hydra.* pass."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    for before, arg in zip(("", *args), args, strict=False):
        if arg.startswith("-") and arg not in FLAGS:
            raise InputError(f"{command} has no flag {arg!r}{nearest(arg, FLAGS)}   (carps-lite {command} --help)")
        if arg.startswith("-") or before in HYDRA_FLAGS:
            continue
        key, equals, _ = arg.lstrip("+~").partition("=")
        if arg.startswith("~"):
            raise InputError(f"{command}: no option can be taken away, got {arg!r}   (carps-lite {command} --help)")
        if not equals:
            guess = f"; did you mean task={arg}?" if command == "run" else ""
            raise InputError(f"{command}: {arg!r} must be key=value{guess}   (carps-lite {command} --help)")
        if key.split(".")[0].split("/")[0] not in (*known, "hydra"):
            raise InputError(f"{command} has no option {key!r}{nearest(key, known)}   (carps-lite {command} --help)")
        try:
            OverridesParser.create().parse_override(arg)
        except HydraException as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{command}: cannot read {arg!r}: {reason}") from None


def as_lists(args: Sequence[str]) -> list[str]:
    """Turn `optimizer=a,b` into `optimizer=[a,b]`, which Hydra takes without --multirun, and quote what it cannot read.

    Raises InputError where another key is given several values.
    """
    turned = []
    for arg in args:
        key, equals, value = arg.partition("=")
        quoted = value.startswith(("[", "'", '"', "{"))
        if equals and "," in value and not quoted:
            if key not in (*LISTS, *TEXTS) and not key.startswith(("hydra", "-")):
                raise InputError(f"{key} takes one value, got {value!r}; a sweep over several needs -m")
            turned.append(f"{key}=[{value}]" if key in LISTS else arg)
        elif key in TEXTS and value and not quoted and not _PLAIN.fullmatch(value):
            turned.append(f"{key}='{value.translate(_ESCAPES)}'")  # letters and signs outside of Hydra's grammar
        else:
            turned.append(arg)
    return turned


def read(command: str, args: Sequence[str]) -> dict[str, Any]:
    """Fill the keys of `configs/<command>.yaml` from the command line, for commands that need no more of Hydra."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    values = defaults(command)
    listed = as_lists(args)
    for arg in listed:
        if arg.startswith("-"):
            raise InputError(f"{command} has no flag {arg!r}   (carps-lite {command} --help)")
    check_overrides(command, listed, values)
    for override in OverridesParser.create().parse_overrides(listed):
        value = override.value()
        if not isinstance(value, str | int | float | bool | list | None):
            raise InputError(f"{command}: {override.key_or_group} takes one value, got {override.input_line!r}")
        values[override.key_or_group] = value
    return values
