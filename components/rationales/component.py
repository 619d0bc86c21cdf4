"""Steps of the rationales: exemplars, sampling with a model, embeddings."""

from typing import List  # noqa: UP035  kfp reads this spelling alone

from kfp import dsl

from components.images import student_step, teacher_step


@teacher_step()
def write_exemplars(
    judgements: dsl.Input[dsl.Dataset],
    pairs: int,
    rationales: dsl.Output[dsl.Dataset],
    facts: dsl.Output[dsl.Metrics],
):
    from components.rationales.exemplars import write_exemplars
    from components.step_result import record

    record(facts, write_exemplars(judgements.path, pairs, rationales.path))


@teacher_step()
def generate_rationales(
    judgements: dsl.Input[dsl.Dataset],
    model: dsl.Input[dsl.Model],
    config: str,
    engine: str,
    shard: str,
    rationales: dsl.Output[dsl.Dataset],
    quarantine: dsl.Output[dsl.Dataset],
    facts: dsl.Output[dsl.Metrics],
    permit: dsl.Input[dsl.Artifact] = None,
    unjudged: dsl.Input[dsl.Dataset] = None,
):
    from components.absence import read_refusal
    from components.rationales.engine import EngineConfig
    from components.rationales.generate import generate
    from components.rationales.no_rationales import write_no_rationales
    from components.rationales.sampler import GenerateConfig
    from components.step_result import record

    out = (rationales.path, quarantine.path)
    configs = (GenerateConfig.from_json(config), EngineConfig.from_json(engine))
    tables = [table.path for table in (judgements, unjudged) if table]
    refusal = read_refusal(permit.path) if permit else ""
    if refusal:
        record(facts, write_no_rationales(refusal, out))
    else:
        record(facts, generate(tables, model.path, configs, shard, out))


@student_step()
def gather_rationales(
    parts: dsl.Input[List[dsl.Dataset]],
    refused: dsl.Input[List[dsl.Dataset]],
    said: dsl.Input[List[dsl.Metrics]],
    rationales: dsl.Output[dsl.Dataset],
    quarantine: dsl.Output[dsl.Dataset],
    facts: dsl.Output[dsl.Metrics],
):
    from components.rationales.gather import gather
    from components.settings import Settings
    from components.step_result import record

    tables = ([part.path for part in parts], [part.path for part in refused])
    results = [part.path for part in said]
    record(facts, gather(*tables, results, (rationales.path, quarantine.path), Settings().usd_per_hour))


@teacher_step()
def embed_rationales(
    rationales: dsl.Input[dsl.Dataset],
    embedder: str,
    embeddings: dsl.Output[dsl.Dataset],
    facts: dsl.Output[dsl.Metrics],
):
    from components.rationales.embed import embed
    from components.step_result import record

    record(facts, embed(rationales.path, embedder, embeddings.path))
