"""Import paths: from `my_pkg.opt.MyOpt` to the object, with one clear line where that fails."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from carps_lite.errors import InputError, MissingDependency, nearest


def locate(path: str) -> Any:
    """Import the object at a dotted path; the working directory is searched last, so it shadows nothing.

    Raises InputError where the module or the name does not exist or the import fails.
    """
    folder = os.getcwd()
    if folder not in sys.path and "" not in sys.path:
        sys.path.append(folder)
    module_name, _, attributes = path.rpartition(".")
    while module_name:
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is None or not (module_name == error.name or module_name.startswith(error.name + ".")):
                raise MissingDependency(f"{path} needs {error.name}, which is not installed") from error
            parent, _, last = module_name.rpartition(".")
            module_name, attributes = parent, f"{last}.{attributes}"
            continue
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"importing {module_name} (for {path}) raised {type(error).__name__}: {error}") from error
        return _walk(module, attributes, path)
    raise InputError(f"cannot import {path!r}: no module {path.split('.')[0]!r} here or in {folder}")


def _walk(module: Any, attributes: str, path: str) -> Any:
    found = module
    for name in attributes.split("."):
        if not hasattr(found, name):
            known = [n for n in dir(found) if not n.startswith("_")]
            raise InputError(f"cannot import {path!r}: {module.__name__} has no {name!r}{nearest(name, known)}")
        found = getattr(found, name)
    return found
