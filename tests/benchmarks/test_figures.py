"""benchmarks/figures.py: medians, and ratios formed inside a round."""

from benchmarks.figures import Case, Sample, ratio, spread


def sample(us: float, **more: float) -> Sample:
    return Sample(hits=1_000, us=us, per_s=1e6 / us, busy=1.0, **more)  # type: ignore[arg-type]


def test_ratio_is_the_median_of_the_rounds_ratios_and_not_the_ratio_of_medians() -> None:
    # The machine was twice as slow in the second round, for both alike.
    assert 2.0 == ratio([20.0, 40.0, 22.0], [10.0, 20.0, 11.0])


def test_every_other_contender_gets_a_ratio_under_the_cases_name() -> None:
    case = Case("pixel")
    case.add("tagway", sample(50.0))
    case.add("nginx", sample(10.0))
    case.add("fastify", sample(100.0))

    assert {"pixel/nginx": 5.0, "pixel/fastify": 0.5} == case.ratios()


def test_any_figure_can_be_compared() -> None:
    case = Case("pixel")
    case.add("tagway", sample(50.0, p99_ms=4.0))
    case.add("fastify", sample(100.0, p99_ms=1.0))

    assert 4.0 == case.ratio("tagway", "fastify", "p99_ms")
    assert 2.0 == case.ratio("fastify", "tagway")


def test_no_ratio_without_us() -> None:
    case = Case("pixel")
    case.add("nginx", sample(10.0))

    assert {} == case.ratios()


def test_rows_are_medians_and_leave_out_what_was_not_measured() -> None:
    case = Case("pixel")
    for us in (10.0, 30.0, 20.0):
        case.add("tagway", sample(us, p50_ms=us / 10))

    row = case.rows()["tagway"]

    assert (20.0, 2.0, 1.0) == (row["us"], row["p50_ms"], row["spread"])
    assert "store_us" not in row


def test_spread_of_one_round_is_nothing() -> None:
    assert 0.0 == spread([17.0])
