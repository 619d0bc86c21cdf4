"""The interleaved part of a look: its pages summed shard by shard, and which items users prefer."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from components.experiment.aggregate import LogSource, collect, write_accounts
from components.experiment.plan import ExperimentPlan
from components.experiment.preference import Preference, judge_preference
from components.experiment.preference_logs import page_tables
from components.experiment.preference_plan import PreferencePlan
from components.experiment.preference_users import merge_pages
from components.experiment.records import Accounts, ExperimentSetup
from components.settings import Settings

FOLDER = "interleaved"  # of a shard's sums


def collect_with_pages(source: LogSource, setup: ExperimentSetup, now: datetime, folder: Path) -> Accounts:
    """Write a shard's sums by arm and of its interleaved pages, and return its accounts.

    The logs are read once for both: the accounts are the same, for either sets the other's rows aside.
    """
    pages = folder / FOLDER
    pages.mkdir(parents=True, exist_ok=True)
    both = replace(source, rules=replace(source.rules, has_both=True))
    accounts = collect(both, setup, now, folder, page_tables(setup, now, pages))
    write_accounts(accounts, pages)
    return accounts


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
