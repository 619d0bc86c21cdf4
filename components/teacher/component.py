"""Steps of the teacher: start it, SFT, mine preference pairs, DPO."""

from kfp import dsl

from components.images import teacher_step


@teacher_step()
def start_teacher(
    exemplars: dsl.Input[dsl.Dataset],
    judgements: dsl.Input[dsl.Dataset],
    base: str,
    config: str,
    model: dsl.Output[dsl.Model],
    facts: dsl.Output[dsl.Metrics],
):
    from components.facts import record
    from components.teacher.sft import SftConfig, start

    record(facts, start(exemplars.path, judgements.path, base, SftConfig.from_json(config), model.path))


@teacher_step()
def fine_tune(
    rationales: dsl.Input[dsl.Dataset],
    judgements: dsl.Input[dsl.Dataset],
    base: dsl.Input[dsl.Model],
    config: str,
    model: dsl.Output[dsl.Model],
    facts: dsl.Output[dsl.Metrics],
):
    from components.facts import record
    from components.teacher.sft import SftConfig, sft

    record(facts, sft(rationales.path, judgements.path, base.path, SftConfig.from_json(config), model.path))


@teacher_step()
def mine_preference_pairs(
    rationales: dsl.Input[dsl.Dataset],
    judgements: dsl.Input[dsl.Dataset],
    model: dsl.Input[dsl.Model],
    pairs: dsl.Output[dsl.Dataset],
    facts: dsl.Output[dsl.Metrics],
):
    from components.facts import record
    from components.teacher.pairs import mine

    record(facts, mine(rationales.path, judgements.path, model.path, pairs.path))


@teacher_step()
def optimise_preferences(
    pairs: dsl.Input[dsl.Dataset],
    base: dsl.Input[dsl.Model],
    config: str,
    model: dsl.Output[dsl.Model],
    facts: dsl.Output[dsl.Metrics],
):
    from components.facts import record
    from components.teacher.dpo import DpoConfig, dpo

    record(facts, dpo(pairs.path, base.path, DpoConfig.from_json(config), model.path))
