"""Plans of experiments."""

import pytest

from components.experiment.plan import ExperimentPlan


@pytest.mark.parametrize("plan", [ExperimentPlan.paper(), ExperimentPlan.laptop(), ExperimentPlan.smoke()])
def test_a_plan_survives_its_travel_as_text(plan):
    assert ExperimentPlan.from_json(plan.to_json()) == plan


def test_the_paper_plan_dwells_whole_weeks():
    assert ExperimentPlan.paper().dwell_seconds % (7 * 24 * 3600) == 0


def test_every_plan_begins_with_a_pre_period():
    assert {plan.shares[0] for plan in (ExperimentPlan.paper(), ExperimentPlan.laptop(), ExperimentPlan.smoke())} == {0}
