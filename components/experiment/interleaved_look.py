"""The interleaved part of a look: its pages summed shard by shard, and which items users prefer."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from components.experiment.aggregate import LogSource
from components.experiment.plan import ExperimentPlan
from components.experiment.preference import Preference, judge_preference
from components.experiment.preference_logs import collect_pages
from components.experiment.preference_plan import PreferencePlan
from components.experiment.preference_users import merge_pages
from components.experiment.records import ExperimentSetup
from components.settings import Settings

FOLDER = "interleaved"  # of a shard's sums


def collect_interleaved(source: LogSource, setup: ExperimentSetup, now: datetime, folder: Path) -> None:
    """Write the sums of a shard's interleaved pages below `folder`."""
    rules = replace(source.rules, is_interleaved=True)
    collect_pages(replace(source, rules=rules), setup, now, folder / FOLDER)


def judge_interleaved(
    shards: Sequence[Path], setup: ExperimentSetup, now: datetime, plan: ExperimentPlan
) -> Preference:
    """Return the verdict on the interleaved pages of all shards.

    Coins are computed again, and so is whether a user belongs to the interleaved ones.
    """
    preference_plan = PreferencePlan(
        alpha=plan.interleaved_alpha,
        horizon_users=plan.interleaved_horizon_users,
        maximum_fallback_share=plan.maximum_ranker_failures,
        currency=plan.currency or Settings().currency,
    )
    folders = [shard / FOLDER for shard in shards]
    evidence = merge_pages(folders, now, preference_plan, setup.experiment_id, setup.interleaved_share)
    return judge_preference(evidence, preference_plan)
