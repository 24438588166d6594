"""The search space against brute force: random spaces of all kinds, with nested conditions over several parents."""

from __future__ import annotations

import itertools
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from carps_lite.space import Categorical, Constant, Float, Int, Ordinal, Space, same

unhurried = settings(deadline=None)

words = st.text("abcXYZ 01é", min_size=0, max_size=3)
numbers = st.floats(-1e6, 1e6, allow_nan=False) | st.integers(-1000, 1000)
scalars = words | numbers | st.booleans()


def choices(min_size=1, max_size=5):
    """Distinct values; True and 1 count as two, 1 and 1.0 as one."""
    return st.lists(scalars, min_size=min_size, max_size=max_size, unique_by=lambda x: (isinstance(x, bool), x))


@st.composite
def numeric(draw, when):
    whole, log = draw(st.booleans()), draw(st.booleans())
    if whole:
        ends = st.integers(1 if log else -(10**6), 10**6)
    else:
        ends = st.floats(1e-9 if log else -1e6, 1e6)
    low, high = sorted((draw(ends), draw(ends)))
    kind = Int if whole else Float
    default = draw(st.none() | st.just(low) | st.just(high))
    return kind(low, high, log=log, default=default, when=when)


@st.composite
def listed(draw, when):
    values = draw(choices())
    kind = draw(st.sampled_from((Categorical, Ordinal)))
    return kind(tuple(values), default=draw(st.none() | st.sampled_from(values)), when=when)


def values_of(p):
    """All values of a finite parameter; None where there are too many to list."""
    if isinstance(p, Categorical):
        return list(p.choices)
    if isinstance(p, Constant):
        return [p.value]
    return list(range(p.low, p.high + 1)) if isinstance(p, Int) and p.high - p.low < 20 else None


@st.composite
def spaces(draw, max_size=7):
    """A space of up to `max_size` parameters, each waiting for up to three earlier ones, conditional or not."""
    params = {}
    for i in range(draw(st.integers(1, max_size))):
        when = {}
        finite = [name for name, p in params.items() if values_of(p)]
        for parent in draw(st.lists(st.sampled_from(finite), max_size=3, unique=True)) if finite else ():
            when[parent] = draw(st.lists(st.sampled_from(values_of(params[parent])), min_size=1, max_size=3))
        constant = scalars.map(lambda value, when=when: Constant(value, when=when))
        params[f"p{i}"] = draw(numeric(when) | listed(when) | constant)
    return Space(params)


seeds = st.integers(0, 2**32 - 1)


def sample(space, seed, n=8):
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(n)]


def alike(a, b):
    """Equal configurations: floats up to rounding, everything else with its type."""
    if list(a) != list(b):
        return False
    return all(
        math.isclose(a[k], b[k], rel_tol=1e-9, abs_tol=1e-9)
        if isinstance(a[k], float) and isinstance(b[k], float)
        else same(a[k], b[k])
        for k in a
    )


def active_by_definition(space, full):
    """Names that are active when the parameters would take the values `full`, by recursion over the parents."""

    def is_active(name):
        when = space[name].when
        return all(is_active(parent) and any(same(full[parent], v) for v in wanted) for parent, wanted in when.items())

    return [name for name in space if is_active(name)]


@unhurried
@given(spaces(), seeds)
def test_samples_are_legal_and_of_plain_types(space, seed):
    for config in sample(space, seed):
        assert space.violation(config) is None
        assert {type(v) for v in config.values()} <= {float, int, str, bool}
        assert json.loads(json.dumps(config)) == config


@unhurried
@given(spaces(), seeds)
def test_the_default_is_legal(space, seed):
    assert space.violation(space.default) is None
    assert all(same(value, space[name].default) for name, value in space.default.items())


@unhurried
@given(spaces(), seeds)
def test_encode_and_decode_are_inverse(space, seed):
    for config in sample(space, seed):
        u = space.encode(config)
        assert u.shape == (len(space),)
        assert ((u >= 0) & (u <= 1)).all()
        assert alike(space.decode(u), config)
        inactive = [i for i, name in enumerate(space) if name not in config]
        assert (u[inactive] == 0.5).all()


@unhurried
@given(spaces(), seeds)
def test_decode_many_is_decode_row_by_row(space, seed):
    u = np.random.default_rng(seed).uniform(-0.2, 1.2, (9, len(space)))  # points outside are clipped
    u[0], u[1] = 0.0, 1.0
    assert space.decode_many(u) == [space.decode(row) for row in u]
    assert space.decode_many(u) == space.decode_many(np.clip(u, 0, 1))
    assert all(space.violation(config) is None for config in space.decode_many(u))
    assert space.decode_many(u[:0]) == []


@unhurried
@given(spaces(), seeds)
def test_prune_keeps_what_is_active_by_definition(space, seed):
    u = np.random.default_rng(seed).random((8, len(space)))
    for row in u:
        full = {name: p.decode(row[i : i + 1])[0] for i, (name, p) in enumerate(space.items())}
        pruned = space.prune(full)
        assert list(pruned) == active_by_definition(space, full)
        assert space.prune(pruned) == pruned
        assert space.decode(row) == pruned
        assert all(space.active(name, pruned) == (name in pruned) for name in space)


@unhurried
@given(spaces(), seeds)
def test_violation_names_what_is_wrong(space, seed):
    for config in sample(space, seed, n=3):
        for name in config:
            broken = {k: v for k, v in config.items() if k != name}
            assert repr(name) in space.violation(broken)
            assert name in space.violation({**config, name: object()})
            assert name in space.violation({**config, name: math.nan})
        for name in set(space) - set(config):
            assert repr(name) in space.violation({**config, name: space[name].default})
        assert "'nobody'" in space.violation({**config, "nobody": 1})


@unhurried
@given(spaces())
def test_spaces_are_mappings_and_travel(space):
    assert pickle.loads(pickle.dumps(space)) == space
    assert Space(space) == space
    assert list(space) == [f"p{i}" for i in range(len(space))]
    assert space.conditional == any(p.when for p in space.values())


@unhurried
@given(st.data())
def test_decoding_keeps_the_order_of_numbers_and_ordinals(data):
    p = data.draw(numeric({}))
    decoded = p.decode(np.linspace(0, 1, 101))
    assert decoded == sorted(decoded)
    assert (decoded[0], decoded[-1]) == pytest.approx((p.low, p.high), rel=1e-9, abs=1e-9)
    assert all(p.contains(x) for x in decoded)
    o = data.draw(listed({}))
    middles = (np.arange(len(o.choices)) + 0.5) / len(o.choices)
    assert [o.index(x) for x in o.decode(middles)] == list(range(len(o.choices)))
    assert np.allclose([o.encode(x) for x in o.choices], middles)


@pytest.mark.parametrize("p", [Int(0, 4), Int(-3, 3), Int(1, 2), Categorical(["a", "b", "c", "d"]), Ordinal((1, 2, 4))])
def test_every_value_is_equally_likely_at_the_ends_too(p):
    values = values_of(p)
    drawn = [Space({"p": p}).sample(rng)["p"] for rng in [np.random.default_rng(20)] for _ in range(20_000)]
    counts = [drawn.count(v) for v in values]
    assert sum(counts) == len(drawn)
    assert stats.chisquare(counts).pvalue > 0.01


def test_a_log_int_has_cells_as_wide_as_their_logarithms():
    p = Int(1, 50, log=True)
    edges = np.log(np.arange(0.5, 51.5))
    expected = np.diff(edges) / (edges[-1] - edges[0]) * 20_000
    drawn = p.decode(np.random.default_rng(21).random(20_000))
    assert stats.chisquare([drawn.count(v) for v in range(1, 51)], expected).pvalue > 0.01


def test_a_log_float_is_uniform_in_its_logarithm():
    drawn = np.log10(Float(1e-6, 1e-1, log=True).decode(np.random.default_rng(22).random(5_000)))
    assert stats.kstest(drawn, stats.uniform(-6, 5).cdf).pvalue > 0.01


def test_true_is_not_one_and_one_is_not_its_name():
    p = Categorical((1, True, "1", 0, False, 0.5))
    assert [p.index(x) for x in p.choices] == list(range(6))
    assert p.index(1.0) == 0
    assert not Categorical((1, 0)).contains(True)
    assert not Categorical((True, False)).contains(1)
    assert not Int(0, 1).contains(True)
    assert not Float(0, 1).contains(False)
    assert not Constant(True).contains(1)
    space = Space({"a": Categorical((1, True)), "b": Float(0, 1, when={"a": True})})
    assert space.violation({"a": 1}) is None
    assert space.violation({"a": True, "b": 0.5}) is None
    assert "'b'" in space.violation({"a": 1, "b": 0.5})
    assert space.prune({"a": 1, "b": 0.5}) == {"a": 1}


def test_int_takes_whole_numbers_only():
    assert not Int(1, 3).contains(2.0)
    assert not Int(1, 3).contains("2")
    assert Int(1.0, 3.0) == Int(1, 3)
    assert Float(1, 3).contains(2)


def test_nested_conditions_over_two_parents_by_hand():
    space = Space(
        {
            "model": Categorical(("tree", "net")),
            "optimizer": Categorical(("sgd", "adam"), when={"model": "net"}),
            "width": Int(1, 4, when={"model": ["net"]}),
            "nesterov": Categorical((True, False), when={"optimizer": "sgd", "width": (2, 3)}),
            "decay": Float(0, 1, when={"nesterov": False}),
        }
    )
    assert space.default == {"model": "tree"}
    full = {"model": "net", "optimizer": "sgd", "width": 2, "nesterov": False, "decay": 0.1}
    assert space.prune(full) == full
    assert list(space.prune({**full, "nesterov": True})) == ["model", "optimizer", "width", "nesterov"]
    assert list(space.prune({**full, "width": 4})) == ["model", "optimizer", "width"]
    assert space.prune({**full, "model": "tree"}) == {"model": "tree"}
    assert "'optimizer'" in space.violation({"model": "tree", "optimizer": "sgd"})
    assert "'decay'" in space.violation({**full, "nesterov": True})


def test_defaults_are_the_middle_the_first_and_the_middle_one():
    assert Float(0, 4).default == 2
    assert Float(1e-4, 1, log=True).default == pytest.approx(1e-2)
    assert Int(1, 3).default == 2
    assert Categorical(("b", "a", "c")).default == "b"
    assert Ordinal((1, 2, 4)).default == 2
    assert Ordinal((1, 2, 4, 8)).default == 2
    assert Constant("x").default == "x"


def test_ranges_of_one_value_are_that_value():
    for p in (Float(2, 2), Float(2, 2, log=True), Int(2, 2), Int(2, 2, log=True)):
        assert p.decode(np.array([0.0, 0.3, 1.0])) == [2, 2, 2]
        assert p.encode(2) == pytest.approx(0.5, abs=0.1)


def test_the_empty_space_has_one_configuration():
    empty = Space({})
    assert empty.decode_many(np.zeros((3, 0))) == [{}, {}, {}]
    assert empty.default == empty.sample(np.random.default_rng(0)) == {}
    assert empty.violation({}) is None


def test_sampling_takes_its_randomness_from_the_generator_alone():
    space = Space({"x": Float(0, 1), "n": Int(1, 9), "c": Categorical(("a", "b"))})
    assert sample(space, 5) == sample(space, 5) != sample(space, 6)
    assert len({tuple(c.values()) for c in sample(space, 5, n=20)}) == 20


A = {"a": Categorical((1, 2, "x"))}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Float(2, 1), ["low=2", "high=1"]),
        (lambda: Float(0, math.inf), ["finite"]),
        (lambda: Float(math.nan, 1), ["finite"]),
        (lambda: Float(0, 1, log=True), ["log", "low=0"]),
        (lambda: Float(0, 1, default=2), ["default", "2"]),
        (lambda: Float(0, 1, default=True), ["default", "True"]),
        (lambda: Int(3, 1), ["low=3", "high=1"]),
        (lambda: Int(1.5, 3), ["low", "1.5"]),
        (lambda: Int(0, 5, log=True), ["log"]),
        (lambda: Int(0, 5, default=2.5), ["default", "2.5"]),
        (lambda: Categorical(()), ["empty"]),
        (lambda: Categorical((1, 2, 1)), ["1", "twice"]),
        (lambda: Categorical((1, 1.0)), ["twice"]),
        (lambda: Categorical((None,)), ["None"]),
        (lambda: Categorical(((1, 2),)), ["(1, 2)"]),
        (lambda: Categorical((math.nan,)), ["nan"]),
        (lambda: Categorical((1, 2), default=3), ["default", "3"]),
        (lambda: Categorical((1, 2), default=True), ["default", "True"]),
        (lambda: Constant(math.inf), ["inf"]),
        (lambda: Space({"b": 3}), ["'b'"]),
        (lambda: Space({"b": Float(0, 1, when={"a": 1})}), ["'b'", "'a'"]),
        (lambda: Space({"b": Float(0, 1, when={"b": 0.5})}), ["'b'"]),
        (lambda: Space({"b": Float(0, 1, when={"a": 1}), **A}), ["'b'", "'a'", "before"]),
        (lambda: Space({**A, "b": Float(0, 1, when={"a": 3})}), ["'b'", "'a'", "3"]),
        (lambda: Space({**A, "b": Float(0, 1, when={"a": (1, True)})}), ["'b'", "'a'", "True"]),
        (lambda: Space({"a": Int(1, 3), "b": Float(0, 1, when={"a": 4})}), ["'b'", "'a'", "4"]),
    ],
)
def test_constructors_refuse_in_one_line_that_names_the_value(make, words):
    with pytest.raises(ValueError) as caught:
        make()
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize("shape", [(3,), (2, 1), (2, 3)])
def test_points_of_the_wrong_shape_are_refused(shape):
    space = Space({"x": Float(0, 1), "y": Float(0, 1)})
    with pytest.raises(ValueError, match=r"\(n, 2\)"):
        space.decode_many(np.zeros(shape))


def test_ordinals_are_no_categoricals():
    assert Ordinal((1, 2)) != Categorical((1, 2))
    assert list(itertools.islice(Ordinal((1, 2, 3)).choices, 2)) == [1, 2]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Int(0, math.inf), "high must be a finite number, got inf"),
        (lambda: Float(None, 3), "low must be a finite number, got None"),
        (lambda: Float(True, 3), "low must be a finite number, got True"),
        (lambda: Int(0, 2**60), "within ±2\\^52"),
        (lambda: Categorical(None), "choices must be a list or a tuple, got None"),
        (lambda: Categorical("abc"), "choices must be a list or a tuple, got 'abc'"),
        (lambda: Categorical({1, 2}), "choices must be a list or a tuple"),
        (lambda: Float(0, 1, when=("a", 1)), "when must be a mapping"),
        (lambda: Space({"a": Float(0, 1), "b": Float(0, 1, when={"a": []})}), "'b' waits for no value of 'a'"),
        (lambda: Space({1: Float(0, 1)}), "the name of a parameter must be a string, got 1"),
    ],
)
def test_odd_arguments_are_refused_in_one_line(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_numpy_scalars_become_plain_values():
    assert type(Categorical((np.str_("a"), np.int64(3))).choices[0]) is str
    assert type(Float(np.float64(0), np.int64(3), default=1).default) is float


def test_the_ends_of_an_interval_are_reached_exactly_however_wide():
    for low, high in ((-390069.79370501556, 658507.0), (-1e308, 1e308)):
        assert Float(low, high).decode(np.array([0.0, 1.0])) == [low, high]
