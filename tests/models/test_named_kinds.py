"""Names say what sets a kind apart; a kind that is the same group keeps id and name, and no id is used again."""

import numpy as np
import pandas as pd

from models import named_kinds, repeat_callers
from models.named_kinds import PLAIN, Lift, named, same_groups


def lift(figure: str, mean: float, population: float, low: float = 1, high: float = 9) -> Lift:
    return Lift(figure, mean, population, low, high)


def test_a_name_has_the_topics_first_and_only_what_is_half_as_much_again() -> None:
    of_kinds = {
        0: [lift("topic: statement_dispute", 0.8, 0.1), lift("night_share", 0.6, 0.2), lift("calls_90d", 4, 3), lift("cards", 1, 1)],
        1: [lift("topic: fee", 0.3, 0.1), lift("topic: card", 0.1, 0.01), lift("calls_90d", 9, 3, 6, 12), lift("longest_chain", 9, 3)],
        2: [lift("calls_90d", 3, 3)],
        3: [lift("agents_90d", 1, 3)],
    }  # fmt: skip
    assert named(of_kinds) == {
        0: "mostly about statement dispute, at night",
        1: "often about fee, about 6 to 12 calls in 90 days",
        2: PLAIN,
        3: "few agents met",
    }


def test_a_figure_that_is_not_known_of_all_is_compared_over_those_of_whom_it_is() -> None:
    nan = float("nan")
    figures = pd.DataFrame({"wait_seconds_mean": [nan, 90, 30, 30, 30], "cards": [nan, nan, 1, 1, 1]})
    found = named_kinds.lifts(figures, pd.Series([0, 0, 1, 1, 1]))
    assert named({0: found[0]}) == {0: "long waits"}
    assert [each.is_trait or each.is_lack for each in found[0]] == [True, False]
    unknown = [lift(figure, nan, nan) for figure in ("cards", "tenure_days", "after_digital_share")]
    known = [lift("weekend_share", 0.5, 0.2), lift("abandoned_share", 0.4, 0.1), lift("calls_90d", 9, 3)]
    assert named({0: [known[0], *unknown, *known[1:]]}) == named({0: known})


def test_names_are_unique_also_among_those_that_stand() -> None:
    alike = [lift("topic: fee", 0.8, 0.1), lift("night_share", 0.5, 0.1), lift("cards", 3, 1), lift("agents_90d", 6, 4)]
    names = named({0: alike, 1: alike, 2: [lift("calls_90d", 3, 3)]}, [PLAIN])
    assert names[0] == "mostly about fee, at night, several cards"
    assert names[1] == "mostly about fee, at night, several cards, many agents met"
    assert names[2] == f"{PLAIN} (2)"


def test_two_kinds_are_one_where_they_share_half_of_their_callers() -> None:
    before = pd.Series([1, 1, 1, 1, 2, 2, 2, 3, 3])
    now = pd.Series([5, 5, 5, 6, 6, 6, 6, 7, 8])
    assert same_groups(before, now) == {5: 1, 6: 2, 7: 3}


def world(rng: np.random.Generator, callers: int) -> tuple[pd.DataFrame, dict[str, float]]:
    """Callers of four kinds, each about a topic of its own and of its own frequency."""
    kinds = rng.integers(0, 4, callers)
    calls = 2 + 5 * kinds + rng.integers(0, 2, callers)
    frame = pd.DataFrame(dict.fromkeys(repeat_callers.COLUMNS, 0.0), index=range(callers))
    frame["calls_90d"] = frame["calls_28d"] = calls
    frame["repeat_calls_90d"], frame["longest_chain"] = calls - 1, calls
    frame["hours_between_median"] = 90 / calls
    frame["caller_key"] = [f"c:{n:04}" for n in range(callers)]
    topics = {f"t{kind}": float(calls[kinds == kind].sum()) for kind in range(4)}
    for kind in range(4):
        frame[repeat_callers.topic_column(f"t{kind}")] = np.where(kinds == kind, calls, 0)
    return frame, topics


def test_a_kind_keeps_its_id_and_name_and_births_and_deaths_are_told() -> None:
    rng = np.random.default_rng(1)
    callers, topics = world(rng, 400)
    kinds, _ = repeat_callers.fit(callers, topics)
    first, changes = named_kinds.christened(kinds, callers, None, 1)
    assert {each.change for each in changes} == {"born"}
    assert [each.cluster.cluster_id for each in changes] == list(range(1, kinds.number + 1))
    again, _ = repeat_callers.fit(callers, topics, kinds)
    second, changes = named_kinds.christened(again, callers, first, first.next_id)
    assert {each.change for each in changes} == {"kept"}
    assert second.clusters == first.clusters
    # Those of one topic are gone, and others came whom nobody has seen.
    gone = callers[callers["topic: t0"] == 0].reset_index(drop=True)
    others = gone.rename(columns={"topic: t1": "topic: t9", "topic: t9": "topic: t1"}).assign(**{"topic: t1": 0.0})
    topics = {"t9": topics["t1"], "t2": topics["t2"], "t3": topics["t3"]}
    third, changes = named_kinds.christened(repeat_callers.fit(others, topics)[0], others, second, second.next_id)
    by_change = {
        change: {each.cluster.cluster_id for each in changes if each.change == change}
        for change in ("kept", "born", "ended")
    }
    known = {each.cluster_id for each in second.clusters}
    assert by_change["ended"]
    assert by_change["ended"] <= known
    assert min(by_change["born"], default=second.next_id) >= second.next_id
    assert len({each.name for each in third.clusters}) == len(third.clusters)


def test_what_is_kept_beside_the_pipeline_makes_the_same_kinds() -> None:
    callers, topics = world(np.random.default_rng(2), 200)
    kinds, _ = repeat_callers.fit(callers, topics)
    made, _ = named_kinds.christened(kinds, callers, None, 4)
    restored = named_kinds.restored(kinds.pipeline, made.beside(), "7")
    pd.testing.assert_frame_equal(restored.assign(callers), made.assign(callers))
    assert (restored.version, restored.next_id) == ("7", made.next_id)
