"""The sixteen problems of the RE suite as functions of their parameters, each returning all objectives.

Written from the definitions in Tanabe and Ishibuchi (2020), An easy-to-use real-world multi-objective optimization
problem suite, Applied Soft Computing 89, 106078 (supplement; arXiv:2009.12867), with the corrections of RE21, RE24,
RE25 and RE42 that the authors published later. The last objective of most is the sum of constraint violations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

Values = tuple[float, ...]


def violation(*margins: float) -> float:
    """The sum of what is missing where a constraint `margin >= 0` is not met."""
    return sum((-g for g in margins if g < 0), 0.0)


def re21(x1: float, x2: float, x3: float, x4: float) -> Values:
    """Four bar truss (RE2-4-1): volume and displacement."""
    force, young, length, root2 = 10.0, 2e5, 200.0, math.sqrt(2.0)
    volume = length * (2 * x1 + root2 * x2 + math.sqrt(x3) + x4)
    return volume, force * length / young * (2 / x1 + 2 * root2 / x2 - 2 * root2 / x3 + 2 / x4)


def re22(area: float, width: float, depth: float) -> Values:
    """Reinforced concrete beam (RE2-3-2): cost, violation (infinite at width 0)."""
    cost = 29.4 * area + 0.6 * width * depth
    if width == 0:
        return cost, math.inf
    return cost, violation(area * depth - 7.735 * area**2 / width - 180, 4 - depth / width)


def re23(n_shell: int, n_head: int, radius: float, length: float) -> Values:
    """Pressure vessel (RE2-4-3): cost, violation; both thicknesses are multiples of 0.0625."""
    x1, x2, x3, x4 = 0.0625 * n_shell, 0.0625 * n_head, radius, length
    cost = 0.6224 * x1 * x3 * x4 + 1.7781 * x2 * x3**2 + 3.1661 * x1**2 * x4 + 19.84 * x1**2 * x3
    volume = math.pi * x3**2 * x4 + 4 / 3 * math.pi * x3**3
    return cost, violation(x1 - 0.0193 * x3, x2 - 0.00954 * x3, volume - 1296000)


def re24(x1: float, x2: float) -> Values:
    """Hatch cover (RE2-2-4): weight, violation."""
    young = 700000.0
    bending, buckling = 4500 / (x1 * x2), young * x1**2 / 100
    deflection = 56.2e4 / (young * x1 * x2**2)
    limits = (1 - bending / 700, 1 - 1800 / x2 / 450, 1 - deflection / 1.5, 1 - bending / buckling)
    return x1 + 120 * x2, violation(*limits)


def re25(coils: int, x2: float, wire: float) -> Values:
    """Coil compression spring (RE2-3-5): volume of steel, violation."""
    ratio = x2 / wire
    factor = (4 * ratio - 1) / (4 * ratio - 4) + 0.615 / ratio
    rate = 11.5e6 * wire**4 / (8 * coils * x2**3)
    free = 1000 / rate + 1.05 * (coils + 2) * wire
    limits = (
        189000 - 8 * factor * 1000 * x2 / (math.pi * wire**3),
        14 - free,
        ratio - 3,
        6 - 300 / rate,
        free - 300 / rate - 700 / rate - 1.05 * (coils + 2) * wire,
        1.25 - 700 / rate,
    )
    return math.pi**2 * x2 * wire**2 * (coils + 2) / 4, violation(*limits)


def re31(x1: float, x2: float, x3: float) -> Values:
    """Two bar truss (RE3-3-1): volume, stress, violation."""
    volume = x1 * math.sqrt(16 + x3**2) + x2 * math.sqrt(1 + x3**2)
    stress = 20 * math.sqrt(16 + x3**2) / (x1 * x3)
    other = 80 * math.sqrt(1 + x3**2) / (x3 * x2)
    return volume, stress, violation(0.1 - volume, 1e5 - stress, 1e5 - other)


def re32(x1: float, x2: float, x3: float, x4: float) -> Values:
    """Welded beam (RE3-4-2): cost, deflection, violation."""
    load, length, young, shear = 6000.0, 14.0, 30e6, 12e6
    squared = ((x1 + x3) / 2) ** 2
    radius = math.sqrt(x2**2 / 4 + squared)
    moment = load * (length + x2 / 2)
    direct = load / (math.sqrt(2) * x1 * x2)
    torsion = moment * radius / (2 * math.sqrt(2) * x1 * x2 * (x2**2 / 12 + squared))
    tau = math.sqrt(direct**2 + direct * torsion * x2 / radius + torsion**2)
    buckling = 4.013 * young * x3 * x4**3 / 6 / length**2 * (1 - x3 / (2 * length) * math.sqrt(young / (4 * shear)))
    limits = (13600 - tau, 30000 - 6 * load * length / (x4 * x3**2), x4 - x1, buckling - load)
    cost = 1.10471 * x1**2 * x2 + 0.04811 * x3 * x4 * (14 + x2)
    return cost, 4 * load * length**3 / (young * x4 * x3**3), violation(*limits)


def re33(x1: float, x2: float, x3: float, x4: float) -> Values:
    """Disc brake (RE3-4-3): mass, stopping time, violation; pi is 3.14 in the definition."""
    squares, cubes = x2**2 - x1**2, x2**3 - x1**3
    limits = [x2 - x1 - 20]
    if squares == 0 or cubes == 0:
        return 0.0, math.nan, math.inf
    limits += [0.4 - x3 / (3.14 * squares), 1 - 2.22e-3 * x3 * cubes / squares**2]
    limits += [2.66e-2 * x3 * x4 * cubes / squares - 900]
    return 4.9e-5 * squares * (x4 - 1), 9.82e6 * squares / (x3 * x4 * cubes), violation(*limits)


def re34(x1: float, x2: float, x3: float, x4: float, x5: float) -> Values:
    """Vehicle crashworthiness (RE3-5-4): mass, acceleration, intrusion."""
    mass = 1640.2823 + 2.3573285 * x1 + 2.3220035 * x2 + 4.5688768 * x3 + 7.7213633 * x4 + 4.4559504 * x5
    acceleration = 6.5856 + 1.15 * x1 - 1.0427 * x2 + 0.9738 * x3 + 0.8364 * x4 - 0.3695 * x1 * x4 + 0.0861 * x1 * x5
    acceleration += 0.3628 * x2 * x4 - 0.1106 * x1**2 - 0.3437 * x3**2 + 0.1764 * x4**2
    intrusion = -0.0551 + 0.0181 * x1 + 0.1024 * x2 + 0.0421 * x3 - 0.0073 * x1 * x2 + 0.024 * x2 * x3
    intrusion += -0.0118 * x2 * x4 - 0.0204 * x3 * x4 - 0.008 * x3 * x5 - 0.0241 * x2**2 + 0.0109 * x4**2
    return mass, acceleration, intrusion


def re35(x1: float, x2: float, teeth: int, x4: float, x5: float, x6: float, x7: float) -> Values:
    """Speed reducer (RE3-7-5): weight, stress of the first shaft, violation."""
    weight = 0.7854 * x1 * x2**2 * (10 * teeth**2 / 3 + 14.933 * teeth - 43.0934)
    weight += -1.508 * x1 * (x6**2 + x7**2) + 7.477 * (x6**3 + x7**3) + 0.7854 * (x4 * x6**2 + x5 * x7**2)
    stress = math.sqrt((745 * x4 / (x2 * teeth)) ** 2 + 1.69e7) / (0.1 * x6**3)
    other = math.sqrt((745 * x5 / (x2 * teeth)) ** 2 + 1.575e8) / (0.1 * x7**3)
    limits = (
        1 / 27 - 1 / (x1 * x2**2 * teeth),
        1 / 397.5 - 1 / (x1 * x2**2 * teeth**2),
        1 / 1.93 - x4**3 / (x2 * teeth * x6**4),
        1 / 1.93 - x5**3 / (x2 * teeth * x7**4),
        40 - x2 * teeth,
        12 - x1 / x2,
        x1 / x2 - 5,
        x4 - 1.5 * x6 - 1.9,
        x5 - 1.1 * x7 - 1.9,
        1300 - stress,
        1100 - other,
    )
    return weight, stress, violation(*limits)


def re36(x1: int, x2: int, x3: int, x4: int) -> Values:
    """Gear train (RE3-4-6): error of the ratio, largest number of teeth, violation."""
    error = abs(6.931 - x3 / x1 * x4 / x2)
    return error, float(max(x1, x2, x3, x4)), violation(0.5 - error / 6.931)


def re37(a: float, h: float, o: float, t: float) -> Values:
    """Rocket injector (RE3-4-7): three temperatures and lengths, scaled."""
    f1 = 0.692 + 0.477 * a - 0.687 * h - 0.080 * o - 0.0650 * t - 0.167 * a**2 - 0.0129 * h * a + 0.0796 * h**2
    f1 += -0.0634 * o * a - 0.0257 * o * h + 0.0877 * o**2 - 0.0521 * t * a + 0.00156 * t * h + 0.00198 * t * o
    f1 += 0.0184 * t**2
    f2 = 0.153 - 0.322 * a + 0.396 * h + 0.424 * o + 0.0226 * t + 0.175 * a**2 + 0.0185 * h * a - 0.0701 * h**2
    f2 += -0.251 * o * a + 0.179 * o * h + 0.0150 * o**2 + 0.0134 * t * a + 0.0296 * t * h + 0.0752 * t * o
    f2 += 0.0192 * t**2
    f3 = 0.370 - 0.205 * a + 0.0307 * h + 0.108 * o + 1.019 * t - 0.135 * a**2 + 0.0141 * h * a + 0.0998 * h**2
    f3 += 0.208 * o * a - 0.0301 * o * h - 0.226 * o**2 + 0.353 * t * a - 0.0497 * t * o - 0.423 * t**2
    f3 += 0.202 * h * a**2 - 0.281 * o * a**2 - 0.342 * h**2 * a - 0.245 * h**2 * o + 0.281 * o**2 * h
    f3 += -0.184 * t**2 * a - 0.281 * h * a * o
    return f1, f2, f3


def re41(x1: float, x2: float, x3: float, x4: float, x5: float, x6: float, x7: float) -> Values:
    """Car side impact (RE4-7-1): weight, pubic force, mean velocity, violation."""
    weight = 1.98 + 4.9 * x1 + 6.67 * x2 + 6.98 * x3 + 4.01 * x4 + 1.78 * x5 + 1e-5 * x6 + 2.73 * x7
    force = 4.72 - 0.5 * x4 - 0.19 * x2 * x3
    pillar = 10.58 - 0.674 * x1 * x2 - 0.67275 * x2
    door = 16.45 - 0.489 * x3 * x7 - 0.843 * x5 * x6
    upper = 0.261 - 0.0159 * x1 * x2 - 0.06486 * x1 - 0.019 * x2 * x7 + 0.0144 * x3 * x5 + 0.0154464 * x6
    middle = 0.214 + 0.00817 * x5 - 0.045195 * x1 - 0.0135168 * x1 + 0.03099 * x2 * x6 - 0.018 * x2 * x7
    middle += 0.007176 * x3 + 0.023232 * x3 - 0.00364 * x5 * x6 - 0.018 * x2**2
    lower = 0.74 - 0.61 * x2 - 0.031296 * x3 - 0.031872 * x7 + 0.227 * x2**2
    ribs = (
        28.98 + 3.818 * x3 - 4.2 * x1 * x2 + 1.27296 * x6 - 2.68065 * x7,
        33.86 + 2.95 * x3 - 5.057 * x1 * x2 - 3.795 * x2 - 3.4431 * x7 + 1.45728,
        46.36 - 9.9 * x2 - 4.4505 * x1,
    )
    abdomen = 1.16 - 0.3717 * x2 * x4 - 0.0092928 * x3
    limits = (1 - abdomen, 0.32 - upper, 0.32 - middle, 0.32 - lower, *(32 - rib for rib in ribs))
    return weight, force, (pillar + door) / 2, violation(*limits, 4 - force, 9.9 - pillar, 15.7 - door)


def re42(length: float, beam: float, depth: float, draft: float, speed: float, block: float) -> Values:
    """Bulk carrier (RE4-6-2): transport cost, light ship weight, negative annual cargo, violation."""
    displacement = 1.025 * length * beam * draft * block
    froude = 0.5144 * speed / math.sqrt(9.8065 * length)
    a = 4977.06 * block**2 - 8105.61 * block + 4456.51
    b = -10847.2 * block**2 + 12817.0 * block - 6960.32
    power = displacement ** (2 / 3) * speed**3 / (a + b * froude)
    outfit = length**0.8 * beam**0.6 * depth**0.3 * block**0.1
    steel = 0.034 * length**1.7 * beam**0.7 * depth**0.4 * block**0.5
    weight = steel + outfit + 0.17 * power**0.9
    dead = displacement - weight
    sea_days = 5000 / 24 * speed
    consumption = 0.19 * power * 24 / 1000 + 0.2
    cargo = dead - consumption * (sea_days + 5) - 2 * math.sqrt(dead)
    trips = 350 / (sea_days + 2 * (cargo / 8000 + 0.5))
    capital = 0.2 * 1.3 * (2000 * steel**0.85 + 3500 * outfit + 2400 * power**0.8)
    voyages = (1.05 * consumption * sea_days * 100 + 6.3 * dead**0.8) * trips
    costs = capital + 40000 * dead**0.3 + voyages
    stability = 0.53 * draft + (0.085 * block - 0.002) * beam**2 / (draft * block) - (1 + 0.52 * depth)
    limits = (
        length / beam - 6,
        15 - length / depth,
        19 - length / draft,
        0.45 * dead**0.31 - draft,
        0.7 * depth + 0.7 - draft,
        50000 - dead,
        dead - 3000,
        0.32 - froude,
        stability - 0.07 * beam,
    )
    return costs / (cargo * trips), weight, -cargo * trips, violation(*limits)


def re61(x1: float, x2: float, x3: float) -> Values:
    """Water resource planning (RE6-3-1): five costs and flows, violation."""
    inverse = 1 / (x1 * x2)
    limits = (
        1 - (0.00139 * inverse + 4.94 * x3 - 0.08),
        1 - (0.000306 * inverse + 1.082 * x3 - 0.0986),
        50000 - (12.307 * inverse + 49408.24 * x3 + 4051.02),
        16000 - (2.098 * inverse + 8046.33 * x3 - 696.71),
        10000 - (2.138 * inverse + 7883.39 * x3 - 705.04),
        2000 - (0.417 * x1 * x2 + 1721.26 * x3 - 136.54),
        550 - (0.164 * inverse + 631.13 * x3 - 54.48),
    )
    return (
        106780.37 * (x2 + x3) + 61704.67,
        3000 * x1,
        305700 * 2289 * x2 / (0.06 * 2289) ** 0.65,
        250 * 2289 * math.exp(-39.75 * x2 + 9.9 * x3 + 2.74),
        25 * (1.39 * inverse + 4940 * x3 - 80),
        violation(*limits),
    )


def re91(x: Sequence[float], noise: np.ndarray) -> np.ndarray:
    """Car cab design (RE9-7-1): nine objectives, shape (n, 9), at x, shape (7,), for n draws of four uncertain inputs.

    `noise` holds standard normal numbers, shape (n, 4); they move two materials' stiffness (standard deviation 0.006
    around 0.345 and 0.192) and the barrier's height and hitting position (10 around 0).
    """
    x1, x2, x3, x4, x5, x6, x7 = x
    x8, x9, x10, x11 = (noise * (0.006, 0.006, 10, 10) + (0.345, 0.192, 0, 0)).T
    weight = 1.98 + 4.9 * x1 + 6.67 * x2 + 6.98 * x3 + 4.01 * x4 + 1.75 * x5 + 1e-5 * x6 + 2.73 * x7
    abdomen = 1.16 - 0.3717 * x2 * x4 - 0.00931 * x2 * x10 - 0.484 * x3 * x9 + 0.01343 * x6 * x10
    upper = 0.261 - 0.0159 * x1 * x2 - 0.188 * x1 * x8 - 0.019 * x2 * x7 + 0.0144 * x3 * x5
    upper = upper + 0.87570001 * x5 * x10 + 0.08045 * x6 * x9 + 0.00139 * x8 * x11 + 0.00001575 * x10 * x11
    middle = 0.214 + 0.00817 * x5 - 0.131 * x1 * x8 - 0.0704 * x1 * x9 + 0.03099 * x2 * x6 - 0.018 * x2 * x7
    middle = middle + 0.0208 * x3 * x8 + 0.121 * x3 * x9 - 0.00364 * x5 * x6 + 0.0007715 * x5 * x10
    middle = middle - 0.0005354 * x6 * x10 + 0.00121 * x8 * x11 + 0.00184 * x9 * x10 - 0.018 * x2**2
    lower = 0.74 - 0.61 * x2 - 0.163 * x3 * x8 + 0.001232 * x3 * x10 - 0.166 * x7 * x9 + 0.227 * x2**2
    ribs = 28.98 + 3.818 * x3 - 4.2 * x1 * x2 + 0.0207 * x5 * x10 + 6.63 * x6 * x9 - 7.77 * x7 * x8 + 0.32 * x9 * x10
    ribs = ribs + 33.86 + 2.95 * x3 + 0.1792 * x10 - 5.057 * x1 * x2 - 11 * x2 * x8 - 0.0215 * x5 * x10
    ribs = ribs - 9.98 * x7 * x8 + 22 * x8 * x9 + 46.36 - 9.9 * x2 - 12.9 * x1 * x8 + 0.1107 * x3 * x10
    force = 4.72 - 0.5 * x4 - 0.19 * x2 * x3 - 0.0122 * x4 * x10 + 0.009325 * x6 * x10 + 0.000191 * x11**2
    pillar = 10.58 - 0.674 * x1 * x2 - 1.95 * x2 * x8 + 0.02054 * x3 * x10 - 0.0198 * x4 * x10 + 0.028 * x6 * x10
    door = 16.45 - 0.489 * x3 * x7 - 0.843 * x5 * x6 + 0.0432 * x9 * x10 - 0.0556 * x9 * x11 - 0.000786 * x11**2
    uncertain = np.column_stack(
        [abdomen, upper / 0.32, middle / 0.32, lower / 0.32, ribs / 96, force / 4, pillar / 9.9, door / 15.7]
    )
    return np.column_stack([np.full(len(noise), weight), np.maximum(uncertain, 0.0)])
