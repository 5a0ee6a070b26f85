import numpy as np
import pytest

from sweepspot.advice.edges import best_at_edge
from sweepspot.diagnosis import Status

ONE = {"units": {"int": [16, 256], "log": True}}


def present(facts):
    return {(f.dimension, f.side) for f in best_at_edge(facts) if f.status is Status.PRESENT}


@pytest.mark.parametrize(("target", "side"), [(1.5, "high"), (-0.5, "low")])
def test_an_optimum_beyond_an_edge_is_found_on_its_side(planted, target, side):
    def J(u):
        return (u["units"] - target) ** 2 + sum(
            (u[name] - 0.5) ** 2 for name in ("learning_rate", "dropout")
        )

    facts = planted(J, n=60)

    assert present(facts) == {("units", side)}


def test_an_optimum_inside_is_at_no_edge(planted):
    facts = planted(lambda u: sum((p - 0.5) ** 2 for p in u.values()))

    assert present(facts) == set()


def test_the_evidence_is_in_words_and_numbers(planted):
    facts = planted(lambda u: (u["units"] - 1.5) ** 2, space=ONE, n=100)

    (finding,) = [f for f in best_at_edge(facts) if f.side == "high"]

    assert "5 of the best 5 have units in the highest 15% of [16, 256] log" in finding.because
    assert finding.numbers["edge"] == 256
    assert finding.numbers["at_edge"] == 5


def test_a_few_whole_numbers_need_more_of_the_best(planted):
    # One value of three holds a third of the trials: five of five are needed, (1/3)^5 = .4 %.
    facts = planted(lambda u: (u["layers"] - 1.5) ** 2, space={"layers": {"int": [1, 3]}})

    (finding,) = [f for f in best_at_edge(facts) if f.side == "high"]

    assert finding.status is Status.PRESENT
    assert finding.numbers["share"] == pytest.approx(1 / 3)
    assert finding.numbers["chance"] == pytest.approx(3.0**-5)


def test_few_trials_leave_it_unknown(planted):
    facts = planted(lambda u: u["units"], n=9, space=ONE)

    (finding,) = best_at_edge(facts)

    assert finding.status is Status.UNKNOWN
    assert "9 comparable trials have units, 10 needed" in finding.because


def test_a_condition_counts_only_trials_that_meet_it(planted):
    space = {
        "optimizer": {"choice": ["adam", "sgd"]},
        "momentum": {"float": [0.0, 0.9], "when": {"optimizer": ["sgd"]}},
    }
    facts = planted(lambda u: 1 - u.get("momentum", 0.0), space=space, n=60)

    assert present(facts) == {("momentum", "high")}


def test_a_dimension_of_one_value_has_no_edges(planted):
    facts = planted(lambda u: 1.0, space={**ONE, "layers": {"int": [2, 2]}})

    assert {f.dimension for f in best_at_edge(facts)} == {"units"}


def test_what_does_not_matter_is_rarely_called(planted):
    # At most 3.5 % a side: of 300 sweeps 21 are expected at most, with a standard deviation of 4.5;
    # 35 is three of them above.
    rng = np.random.default_rng(1)
    called = sum(
        len(present(planted(lambda u: float(rng.standard_normal()), space=ONE, n=20, seed=k)))
        for k in range(300)
    )

    assert called <= 35
