"""What each parameter of the pipelines is, as Kubeflow's form of a run says beside it."""

import inspect
from collections.abc import Callable

DESCRIPTIONS = {
    "source": "Judgements: s3:// and a folder or a file of CSV, JSONL or Parquet.",
    "columns": "Names of the file's columns, as query=q,title=name,label=grade. Empty where it has ours.",
    "unjudged": "Pairs that nobody judged: s3:// and a file, as of judgements. Empty for what pages showed.",
    "unjudged_pairs": "How many of them teach the student at most. 0 for none.",
    "click_judgements": "Judgements from clicks: s3:// and the file that components.judgements.clicks wrote; or off.",
    "as_of": "Time until which features are counted, in ISO 8601. Empty for the time of the run.",
    "logs_prefix": "Folder of the bucket with exposures and outcomes.",
    "prepare_config": "JSON. How labels are read, and queries sampled and split.",
    "audited": "A filled audit.csv on S3. Empty where people audited nothing.",
    "audit_config": "JSON. How many pairs people are asked to audit, and of which kinds.",
    "base_model": "The teacher before tuning: a folder of the bucket, a package or a name of the hub.",
    "exemplar_pairs": "Pairs with rationales by rule, from which the teacher learns the form.",
    "cold_start_config": "JSON. The teacher's training on these.",
    "engine_config": "JSON. How rationales are generated: engine, lengths, temperature.",
    "shards": "Parts of a generation, or of logs, that run side by side, as 0/2 and 1/2.",
    "sampling_config": "JSON. Pairs, perspectives and samples a pair for the teacher's tuning.",
    "sft_config": "JSON. Supervised fine-tuning (SFT) on right rationales.",
    "dpo_config": "JSON. Preference optimisation (DPO) on right and wrong ones.",
    "final_config": "JSON. Rationales that the student is aligned with.",
    "before_config": "JSON. How the untuned teacher is judged, on pairs that no training has seen.",
    "held_out_config": "JSON. How it is judged after each tuning, on the same pairs.",
    "held_out_engine_config": "JSON. How answers are generated for that.",
    "compare_config": "JSON. Resamples and level of the intervals beside the teacher's figures.",
    "qualification_config": "JSON. What the teacher has to reach before it teaches the student.",
    "teacher_labels_config": "JSON. Who labels unjudged pairs, and what such a label counts.",
    "labelling_config": "JSON. How a teacher is asked for labels.",
    "labelling_engine_config": "JSON. How its answers are generated.",
    "embedder": "Encoder of the rationales: a folder of the bucket, a package or a name of the hub.",
    "student_config": "JSON. The student that learns from rationales (LRKD).",
    "plain_config": "JSON. The same student without them, to compare with.",
    "first_baseline_config": "JSON. The baseline of a first run, before any version serves.",
    "gate_config": "JSON. Margins and floors that a candidate has to keep.",
    "baseline_name": "What reports call the baseline.",
    "plan": "JSON. Shares, looks, horizon, guardrails and what promotes.",
    "now": "Time of the look in ISO 8601. Empty for the time of the run.",
}


def describe_parameters(pipeline: Callable) -> Callable:
    """Give a pipeline's function the docstring from which kfp takes its parameters' descriptions."""
    names = inspect.signature(pipeline).parameters
    pipeline.__doc__ = "\n".join(
        [f"{pipeline.__name__}.\n\nArgs:", *(f"    {name}: {DESCRIPTIONS[name]}" for name in names)]
    )
    return pipeline
