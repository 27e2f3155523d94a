import pytest

from bench.sums import middle, percentile, times_faster


def test_one_slow_round_does_not_move_the_median() -> None:
    assert middle([10.0, 11.0, 500.0]) == 11.0


def test_half_the_time_on_every_picture_is_twice_as_fast() -> None:
    assert times_faster([5.0, 40.0], [10.0, 80.0]) == pytest.approx(2.0)


def test_a_win_and_the_same_loss_cancel_out() -> None:
    assert times_faster([10.0, 20.0], [20.0, 10.0]) == pytest.approx(1.0)


def test_a_large_picture_weighs_no_more_than_a_small_one() -> None:
    small_wins, large_loses = [1.0, 1000.0], [4.0, 1000.0]

    assert times_faster(small_wins, large_loses) == pytest.approx(2.0)


def test_rows_of_different_length_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        times_faster([1.0], [1.0, 2.0])


@pytest.mark.parametrize(("percent", "expected"), [(50, 50.5), (95, 95.05)])
def test_percentiles_lie_between_neighbours(percent: int, expected: float) -> None:
    assert percentile([float(number) for number in range(1, 101)], percent) == pytest.approx(expected)


def test_the_percentile_of_a_single_value_is_that_value() -> None:
    assert percentile([3.0], 95) == 3.0
