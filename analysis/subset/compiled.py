"""Numba for the kernels of this package: one decorator, and three machine instructions on 64-bit words.

Only kernel modules import this one, and they are imported when a function is called: numba takes half a second to load.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from carps_lite.errors import MissingDependency

try:
    import numba
    from numba.extending import intrinsic
except ImportError as error:
    raise MissingDependency("the subset search needs numba: pip install 'carps-lite[subset]'") from error

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile to machine code, kept on disk; the GIL is released, so that threads search side by side."""
    made: F = numba.njit(cache=True, nogil=True, boundscheck=False, error_model="numpy")(function)
    return made


@intrinsic  # type: ignore[untyped-decorator]
def bits_set(typing_context: Any, word: Any) -> Any:
    """The number of set bits of a uint64, as int64."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return numba.types.int64(numba.types.uint64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(typing_context: Any, word: Any) -> Any:
    """The place of the lowest set bit of a uint64; 64 where there is none."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(numba.types.boolean, 0))

    return numba.types.int64(numba.types.uint64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def leading_zeros(typing_context: Any, word: Any) -> Any:
    """The number of zeros above the highest set bit of a uint64; 64 where there is none."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], context.get_constant(numba.types.boolean, 0))

    return numba.types.int64(numba.types.uint64), codegen
