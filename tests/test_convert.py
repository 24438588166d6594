"""Converters: round trips over random spaces, the other library's own sampling as an oracle, and what is refused."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from carps_lite.convert import from_configspace, from_optuna, plain_config, to_configspace, to_optuna
from carps_lite.space import Categorical, Constant, Float, Int, Ordinal, Space, same

unhurried = settings(deadline=None, max_examples=60)

words = st.text("abcdé 1", min_size=1, max_size=3)
numbers = st.integers(-50, 50) | st.floats(-50, 50, allow_nan=False)
# bools beside numbers are refused, which has its own tests
choices = (
    st.lists(words | st.booleans(), min_size=2, max_size=4, unique=True)
    | st.lists(words | numbers, min_size=2, max_size=4, unique=True)
    | st.lists(numbers, min_size=2, max_size=4, unique=True)
)


@st.composite
def params(draw, when, ordinal=True):
    kind = draw(st.sampled_from((Float, Int, Categorical, Constant, Ordinal) if ordinal else (Float, Int, Categorical)))
    if kind is Constant:
        return Constant(draw(words | st.booleans() | numbers), when)
    if kind in (Categorical, Ordinal):
        values = draw(choices)
        return kind(tuple(values), draw(st.sampled_from(values)), when)
    low, width, log = draw(st.integers(1, 40)), draw(st.integers(1, 9)), draw(st.booleans())
    default = low + width * draw(st.sampled_from((0.0, 0.25, 1.0)))
    return kind(low, low + width, log, int(default) if kind is Int else default, when)


def values_of(p):
    if isinstance(p, Categorical):
        return list(p.choices)
    return [p.value] if isinstance(p, Constant) else list(range(p.low, p.high + 1)) if isinstance(p, Int) else []


@st.composite
def conditional_spaces(draw):
    made = {}
    for i in range(draw(st.integers(1, 6))):
        finite = [name for name, p in made.items() if values_of(p)]
        when = {}
        for parent in draw(st.lists(st.sampled_from(finite), max_size=2, unique=True)) if finite else ():
            when[parent] = tuple(draw(st.lists(st.sampled_from(values_of(made[parent])), min_size=1, max_size=2)))
        # names out of order, so that the other library's sorting shows
        made[f"{draw(st.sampled_from('zma'))}{i}"] = draw(params(when))
    return Space(made)


def legal_and_exact(space, config):
    """Legal, with Python's own types throughout."""
    return space.violation(config) is None and {type(v) for v in config.values()} <= {bool, int, float, str}


# Optuna


@unhurried
@given(st.data())
def test_optuna_round_trip(data):
    space = Space({f"p{i}": data.draw(params({}, ordinal=False)) for i in range(data.draw(st.integers(1, 5)))})
    back = from_optuna(to_optuna(space))
    assert list(back) == list(space)
    for name, p in space.items():  # all but the defaults
        q = back[name]
        assert type(q) is type(p)
        if isinstance(p, Categorical):
            assert all(map(same, p.choices, q.choices))
        else:
            assert (q.low, q.high, q.log) == (p.low, p.high, p.log)


@unhurried
@given(conditional_spaces(), st.integers(0, 10**6))
def test_what_optuna_samples_and_prune_keeps_is_legal(space, seed):
    distributions = to_optuna(space, ordinal_as_categorical=True, drop_conditions=True)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    for _ in range(3):
        config = space.prune(plain_config(space, study.ask(distributions).params))
        assert legal_and_exact(space, config)


def test_optuna_constants():
    assert to_optuna(Space({"c": Constant("x")})) == {"c": CategoricalDistribution(("x",))}
    back = from_optuna({"c": CategoricalDistribution((True,)), "n": CategoricalDistribution((np.float64(0.5), 4))})
    assert dict(back) == {"c": Constant(True), "n": Categorical((0.5, 4))}
    assert type(back["n"].choices[0]) is float


def test_optuna_ordinals_lose_their_order_only_when_asked():
    space = Space({"o": Ordinal((1, 2, 4))})
    with pytest.raises(ValueError, match=r"'o'.*ordinal_as_categorical=True"):
        to_optuna(space)
    assert to_optuna(space, ordinal_as_categorical=True) == {"o": CategoricalDistribution((1, 2, 4))}


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"a": Categorical((1, 2)), "b": Float(0, 1, when={"a": (1,)})}, "'b'.*conditional"),
        ({"a": Categorical((1, True))}, "'a'.*bool"),
    ],
)
def test_what_optuna_cannot_express(space, message):
    with pytest.raises(ValueError, match=message):
        to_optuna(Space(space))


class Unheard(optuna.distributions.BaseDistribution):
    def single(self):
        return False

    def _contains(self, value):
        return True

    def to_internal_repr(self, value):
        return 0.0


@pytest.mark.parametrize(
    ("distribution", "message"),
    [
        (FloatDistribution(0, 1, step=0.25), "'a'.*step"),
        (IntDistribution(0, 10, step=2), "'a'.*step"),
        (CategoricalDistribution((None, 1)), "'a'.*None"),
        (CategoricalDistribution((float("nan"), 1.0)), "'a'.*nan"),
        (CategoricalDistribution((1, 1)), "'a'.*twice"),
        (Unheard(), "'a'.*corresponds"),
    ],
)
def test_what_optuna_has_and_a_space_cannot_express(distribution, message):
    with pytest.raises(ValueError, match=message):
        from_optuna({"a": distribution})


# ConfigSpace


@pytest.fixture(scope="module")
def cs():
    return pytest.importorskip("ConfigSpace", reason="needs the extra 'configspace'")


@unhurried
@given(conditional_spaces())
def test_configspace_round_trip(cs, space):
    back = from_configspace(to_configspace(space))
    assert back == space  # kinds, bounds, log, choices with their types, defaults, conditions
    for name, p in space.items():
        if isinstance(p, Categorical):
            assert all(map(same, p.choices, back[name].choices))


def accepted_by_configspace(configuration):
    try:
        configuration.check_valid_configuration()
    except ValueError:
        return False
    return True


@unhurried
@given(conditional_spaces(), st.integers(0, 10**6))
def test_both_sides_agree_on_what_is_active(cs, space, seed):
    """ConfigSpace decides by itself which parameters are active; some of its samples are illegal by its own check."""
    theirs = to_configspace(space, seed=seed)
    assert plain_config(space, dict(theirs.get_default_configuration())) == space.default
    for configuration in theirs.sample_configuration(4):
        ours = plain_config(space, dict(configuration))
        assert (space.violation(ours) is None) == accepted_by_configspace(configuration)
        assert legal_and_exact(space, space.prune({**{n: p.default for n, p in space.items()}, **ours}))


@unhurried
@given(conditional_spaces(), st.integers(0, 10**6))
def test_what_we_sample_is_legal_in_configspace(cs, space, seed):
    theirs = to_configspace(space)
    rng = np.random.default_rng(seed)
    for _ in range(4):
        cs.Configuration(theirs, values=space.sample(rng)).check_valid_configuration()


def test_a_range_of_one_value_becomes_a_constant(cs):
    back = from_configspace(to_configspace(Space({"x": Float(2, 2), "n": Int(3, 3, log=True)})))
    assert dict(back) == {"x": Constant(2.0), "n": Constant(3)}


def test_parents_come_first(cs):
    space = Space(
        {"z": Categorical((1, 2)), "y": Categorical((1, 2), when={"z": (1,)}), "a": Int(1, 3, when={"y": (1,)})}
    )
    assert list(from_configspace(to_configspace(space))) == ["z", "y", "a"]


def parents(cs):
    space = cs.ConfigurationSpace(seed=0)
    space.add(
        cs.CategoricalHyperparameter("c", ["p", "q", "r"]),
        cs.OrdinalHyperparameter("o", ["low", "mid", "high"]),
        cs.UniformIntegerHyperparameter("i", 1, 5),
        cs.UniformIntegerHyperparameter("wide", 1, 5000),
        cs.UniformFloatHyperparameter("f", 0, 1),
        cs.Constant("k", 7),
        cs.UniformFloatHyperparameter("child", 0, 1),
    )
    return space


@pytest.mark.parametrize(
    ("condition", "when"),
    [
        (lambda s, cs: cs.NotEqualsCondition(s["child"], s["c"], "q"), {"c": ("p", "r")}),
        (lambda s, cs: cs.GreaterThanCondition(s["child"], s["o"], "low"), {"o": ("mid", "high")}),
        (lambda s, cs: cs.LessThanCondition(s["child"], s["i"], 3), {"i": (1, 2)}),
        (lambda s, cs: cs.NotEqualsCondition(s["child"], s["i"], 3), {"i": (1, 2, 4, 5)}),
        (lambda s, cs: cs.EqualsCondition(s["child"], s["k"], 7), {"k": (7,)}),
        (lambda s, cs: cs.EqualsCondition(s["child"], s["wide"], 4000), {"wide": (4000,)}),
        (
            lambda s, cs: cs.OrConjunction(
                cs.EqualsCondition(s["child"], s["i"], 1), cs.InCondition(s["child"], s["i"], [1, 4])
            ),
            {"i": (1, 4)},
        ),
        (
            lambda s, cs: cs.AndConjunction(
                cs.AndConjunction(
                    cs.GreaterThanCondition(s["child"], s["i"], 1), cs.LessThanCondition(s["child"], s["i"], 4)
                ),
                cs.EqualsCondition(s["child"], s["c"], "p"),
            ),
            {"i": (2, 3), "c": ("p",)},
        ),
    ],
)
def test_conditions_over_finite_values_are_spelled_out(cs, condition, when):
    theirs = parents(cs)
    theirs.add(condition(theirs, cs))
    ours = from_configspace(theirs)
    assert ours["child"].when == when
    for configuration in theirs.sample_configuration(100):
        assert legal_and_exact(ours, plain_config(ours, dict(configuration)))


@pytest.mark.parametrize(
    ("add", "message"),
    [
        (lambda s, cs: cs.GreaterThanCondition(s["child"], s["f"], 0.5), "'child'.*more values"),
        (lambda s, cs: cs.LessThanCondition(s["child"], s["wide"], 9), "'child'.*more values"),
        (
            lambda s, cs: cs.OrConjunction(
                cs.EqualsCondition(s["child"], s["c"], "p"), cs.EqualsCondition(s["child"], s["i"], 1)
            ),
            "'child'.*several parents",
        ),
        (
            lambda s, cs: cs.AndConjunction(
                cs.EqualsCondition(s["child"], s["c"], "p"), cs.EqualsCondition(s["child"], s["c"], "q")
            ),
            "'child'.*'c'.*never",
        ),
        (lambda s, cs: cs.ForbiddenEqualsClause(s["c"], "q"), "forbidden.*c == 'q'"),
        (lambda s, cs: cs.CategoricalHyperparameter("w", ["a", "b"], weights=[1, 2]), "'w'.*weights"),
        (lambda s, cs: cs.CategoricalHyperparameter("n", [None, "b"]), "'n'.*None"),
        (lambda s, cs: cs.CategoricalHyperparameter("t", [(1, 2), (3, 4)]), r"'t'.*\(1, 2\)"),
        (lambda s, cs: cs.NormalFloatHyperparameter("g", 0, 1, -3, 3), "'g'.*NormalFloat"),
        (lambda s, cs: cs.NormalIntegerHyperparameter("g", 0, 1, -3, 3), "'g'.*NormalInteger"),
        (lambda s, cs: cs.BetaFloatHyperparameter("g", 2, 3, 0, 1), "'g'.*BetaFloat"),
        (lambda s, cs: cs.BetaIntegerHyperparameter("g", 2, 3, 0, 9), "'g'.*BetaInteger"),
    ],
)
def test_what_configspace_has_and_a_space_cannot_express(cs, add, message):
    theirs = parents(cs)
    theirs.add(add(theirs, cs))
    with pytest.raises(ValueError, match=message):
        from_configspace(theirs)


def test_equal_weights_are_no_weights(cs):
    theirs = cs.ConfigurationSpace()
    theirs.add(cs.CategoricalHyperparameter("w", ["a", "b"], weights=[2, 2]))
    assert dict(from_configspace(theirs)) == {"w": Categorical(("a", "b"))}


@pytest.mark.parametrize("kind", [Categorical, Ordinal])
@pytest.mark.parametrize("values", [(True, 2), (1, True), (False, 0.5, "x")])
def test_configspace_cannot_tell_bools_from_numbers(cs, kind, values):
    with pytest.raises(ValueError, match=r"'a'.*bools"):
        to_configspace(Space({"a": kind(values)}))


# configurations


def test_numpy_scalars_become_python_values_of_the_space():
    space = Space(
        {
            "f": Float(0, 1),
            "i": Int(1, 9),
            "c": Categorical((1, "x", True)),
            "o": Ordinal((0.5, 2.0)),
            "k": Constant("fixed"),
        }
    )
    given_ = {"k": np.str_("fixed"), "o": np.float32(0.5), "c": np.bool_(True), "i": np.int64(4), "f": np.float64(0.25)}
    config = plain_config(space, given_)
    assert list(config) == list(space)
    assert [type(v) for v in config.values()] == [float, int, bool, float, str]
    assert config == {"f": 0.25, "i": 4, "c": True, "o": 0.5, "k": "fixed"}
    assert plain_config(space, {"i": 4.0, "c": np.int32(1)}) == {"i": 4, "c": 1}
    assert type(plain_config(space, {"c": np.int32(1)})["c"]) is int


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"f": np.float64(2)}, "f=2.0"),
        ({"f": True}, "f=True"),
        ({"f": "0.5"}, "f='0.5'"),
        ({"i": 2.5}, "i=2.5"),
        ({"c": False}, "c=False"),
        ({"nobody": 1}, "'nobody'"),
    ],
)
def test_values_that_a_space_does_not_know_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        plain_config(Space({"f": Float(0, 1), "i": Int(1, 9), "c": Categorical((0, 1))}), values)
