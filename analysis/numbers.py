"""Numbers as people read them: p values, durations, counts, and values with as many digits as they bear."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from carps_lite.plural import count as count  # for the modules beside


def p_value(p: float, alpha: float = 0.05) -> str:
    """Write a p value without its leading zero: `.014`, `< .001`, and `.0504` where two digits would hide the side."""
    if p < 0.001:
        return "< .001"
    if p >= 0.995:
        return "1"
    digits = 2
    text = _significant(p, digits)
    while (float(text) <= alpha) != (p <= alpha) and digits < 12:
        digits += 1
        text = _significant(p, digits)
    return _bare(text)


def p_equals(p: float, alpha: float = 0.05) -> str:
    """Write `p = .014` or `p < .001`."""
    text = p_value(p, alpha)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def p_at_most(p: float) -> str:
    """Write a true upper bound, `p ≤ .015` for .0143: rounded up."""
    if p < 0.001:
        return "p < .001"
    scale = 10.0 ** (1 - math.floor(math.log10(p)))
    bound = min(1.0, math.ceil(p * scale - 1e-9) / scale)
    return f"p ≤ {_bare(_significant(bound, 2))}"


def value(x: float, digits: int = 4) -> str:
    """Write a value with so many significant digits."""
    if not math.isfinite(x):
        return "–"
    if x == 0:
        return "0"
    size = math.floor(math.log10(abs(x)))
    if -4 <= size < 6:
        return fixed(x, max(0, digits - 1 - size))
    mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
    return _minus(f"{mantissa}e{int(exponent)}")


def together(values: Sequence[float], larger: bool = False) -> Callable[[float], str]:
    """Return how to write values that stand in one row: with decimals in common where they are of one size.

    Three significant digits, and as many more, up to six, as it takes to tell the two smallest apart; where `larger` is
    better four, and the two largest: accuracies gather below 100 %.
    """
    finite = sorted({x for x in values if math.isfinite(x)})
    sizes = [abs(x) for x in finite if x]
    if not sizes:
        return value
    alike = max(sizes) < 20 * min(sizes) and 1e-4 <= max(sizes) < 1e6
    top = math.floor(math.log10(max(sizes)))

    def writer(digits: int) -> Callable[[float], str]:
        if alike:
            return lambda x: fixed(x, max(0, digits - 1 - top))
        return lambda x: value(x, digits)

    best = finite[-2:] if larger else finite[:2]
    for digits in range(4 if larger else 3, 7):
        write = writer(digits)
        if len(best) < 2 or write(best[0]) != write(best[1]):
            break
    return write


def fixed(x: float, decimals: int = 2) -> str:
    """Write a number with so many decimals, a dash where there is none."""
    return _minus(f"{x:.{decimals}f}") if math.isfinite(x) else "–"


def interval(bounds: Sequence[float], decimals: int = 2) -> str:
    """Write `[1.29, 1.92]`, or nothing where there is no interval."""
    return f"[{fixed(bounds[0], decimals)}, {fixed(bounds[1], decimals)}]" if math.isfinite(bounds[0]) else ""


def percent(x: float) -> str:
    """Write a share as `94 %`; what is not quite 0 or 1 does not look like it."""
    if not math.isfinite(x):
        return "–"
    if 0 < x < 0.005:
        return "< 1 %"
    if 0.995 <= x < 1:
        return "> 99 %"
    return f"{100 * x:.0f} %"


def chance(x: float) -> str:
    """Write a probability that was estimated by resampling, which is never quite 0 or 1: `94 %`, `> 99 %`."""
    if not math.isfinite(x):
        return "–"
    return "> 99 %" if x >= 0.995 else "< 1 %" if x < 0.005 else percent(x)


def duration(seconds: float) -> str:
    """Write a duration in the unit that suits it, two significant digits: `92 ms`, `4.1 ms`, `13 µs`."""
    if not math.isfinite(seconds):
        return "–"
    if seconds >= 90:
        return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= 0.995 * scale or unit == "µs":
            x = seconds / scale
            return f"{x:.0f} {unit}" if x >= 9.95 else f"{x:.1f} {unit}"
    raise AssertionError("unreachable")


def amount(x: float) -> str:
    """Write a budget: a whole number with thousands apart, else up to four significant digits."""
    return f"{x:,.0f}" if x == round(x) else f"{x:,.4g}"


def listing(names: Sequence[str], last: str = "and", limit: int = 6) -> str:
    """Write `a, b and c`; more than `limit` names end in how many more there are."""
    shown = [*names[: limit - 1], f"{len(names) - limit + 1} more"] if len(names) > limit else list(names)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {last} {shown[-1]}"


def _significant(x: float, digits: int) -> str:
    return f"{x:.{max(0, digits - 1 - math.floor(math.log10(x)))}f}"


def _bare(text: str) -> str:
    return text[1:] if text.startswith("0.") else text


def _minus(text: str) -> str:
    return text.replace("-", "−") if float(text) != 0 else text.lstrip("-")
