"""What code made a run: declared versions of what is shipped, the source of what is not, and library versions."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from carps_lite.errors import InputError
from carps_lite.libraries import installed_version
from carps_lite.locate import locate
from carps_lite.spec import Resolved, resolve

LOOP_VERSION = 1  # raised when the run loop, the space or the seeds change what a run computes

Identity = dict[str, Any]
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def identify(resolved: Resolved, made: Any = None) -> Identity:
    """Return the code identity of a task or optimizer: its version or its code's hash, and its libraries' versions.

    `made` is the object itself where no import path leads to it.
    """
    identity: Identity = {"loop": LOOP_VERSION}
    if "version" in resolved.meta:
        identity["version"] = resolved.meta["version"]
    else:
        identity["code"] = code_hash(locate(resolved.target) if made is None else made)
    libraries = {name: installed_version(name) or "missing" for name in resolved.meta.get("libraries", ())}
    return {**identity, "libraries": libraries} if libraries else identity


def code_hash(made: Any) -> str:
    """Hash the module of a class or function (of an instance: its class), docstrings and comments aside.

    In a notebook or a script, whose module says nothing, the object's own source; `unknown` where there is none.
    """
    subject = made if inspect.isroutine(made) or inspect.isclass(made) else type(made)
    module = inspect.getmodule(subject)
    alone = module is None or module.__name__ == "__main__"
    try:
        source = inspect.getsource(subject if alone or module is None else module)
        tree = ast.parse(inspect.cleandoc(source) if alone else source)
    except (OSError, TypeError, SyntaxError):
        code = getattr(subject, "__code__", None)
        return sha256(code.co_code + repr(code.co_consts).encode()).hexdigest()[:16] if code else "unknown"
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    # unparsed text, not the tree's dump, which differs between versions of Python
    return sha256(ast.unparse(tree).encode()).hexdigest()[:16]


def is_stale(header: Mapping[str, Any]) -> bool:
    """Whether a run was made by other code or library versions than are installed; False where that cannot be told."""
    if "imported" in header:  # by code that is not here
        return False
    for kind, name in (("tasks", "task"), ("optimizers", "optimizer")):
        now = _current(kind, header[name])
        if now is not None and now != header[f"{name}_identity"]:
            return True
    return False


def _current(kind: str, spec: str) -> Identity | None:
    key = (kind, spec)
    if key not in _CURRENT:
        try:
            _CURRENT[key] = identify(resolve(kind, spec))
        except InputError:  # gone, or an object that was given from Python
            _CURRENT[key] = None
    return _CURRENT[key]


_CURRENT: dict[tuple[str, str], Identity | None] = {}
