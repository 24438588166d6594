"""Numba for the kernels of this package: one decorator, and three machine instructions on 64-bit words.

Only kernel modules import this one, and they are imported when a function is called: numba takes half a second to load.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

from carps_lite.errors import MissingDependency

try:
    import numba
    from numba.extending import intrinsic
except ImportError as error:
    raise MissingDependency("the subset search needs numba: pip install 'carps-lite[subset]'") from error

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS = {"cache": True, "nogil": True, "boundscheck": False, "error_model": "numpy"}


def compiled(function: F) -> F:
    """Compile to machine code, kept on disk; the GIL is released, so that threads search side by side."""
    return cast(F, numba.njit(**OPTIONS)(function))


def inlined(function: F) -> F:
    """The same for a part of a hot loop: put into its callers, since a call hands over every array of a named tuple."""
    return cast(F, numba.njit(forceinline=True, **OPTIONS)(function))


def _bits_set(typing_context: Any, word: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return numba.types.int64(numba.types.uint64), codegen


def _lowest_bit(typing_context: Any, word: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(numba.types.boolean, 0))

    return numba.types.int64(numba.types.uint64), codegen


def _leading_zeros(typing_context: Any, word: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], context.get_constant(numba.types.boolean, 0))

    return numba.types.int64(numba.types.uint64), codegen


Instruction: TypeAlias = Callable[[Any], int]

bits_set = cast(Instruction, intrinsic(_bits_set))
"""The number of set bits of a uint64."""
lowest_bit = cast(Instruction, intrinsic(_lowest_bit))
"""The place of the lowest set bit of a uint64; 64 where there is none."""
leading_zeros = cast(Instruction, intrinsic(_leading_zeros))
"""The number of zeros above the highest set bit of a uint64; 64 where there is none."""
