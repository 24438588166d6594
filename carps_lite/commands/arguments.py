"""Arguments of the form key=value, read by Hydra's grammar and checked against a config file's keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from carps_lite.catalog import PACKAGED
from carps_lite.errors import InputError, nearest

HYDRA_FLAGS = ("--cfg", "-c", "--package", "-p", "--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp")
LISTS = ("task", "optimizer", "seeds", "rerun")  # `key=a,b` is a list


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
        if arg.startswith("-") or before in HYDRA_FLAGS:
            continue
        key, equals, _ = arg.lstrip("+~").partition("=")
        if not equals and not arg.startswith("~"):
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
    """Turn `optimizer=a,b` into `optimizer=[a,b]`, which Hydra takes without --multirun."""
    turned = []
    for arg in args:
        key, equals, value = arg.partition("=")
        several = equals and "," in value and not value.startswith(("[", "'", '"', "{"))
        turned.append(f"{key}=[{value}]" if several and key in LISTS else arg)
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
        values[override.key_or_group] = override.value()
    return values
