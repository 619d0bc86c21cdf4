"""Judge a labeller before money is spent on it: `python -m components.teacher.qualify --endpoint URL --pairs 200`.

The server speaks OpenAI's API (vLLM, llama.cpp, Ollama, a vendor's). Its model is asked about pairs that people have
judged, with the prompts by which the product samples rationales, and is held to the bounds of the nightly step
`qualify_teacher`: its rationales train a student only where its labels are more often right than always naming the
commonest label, surely so.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from components.chat_client import ChatOptions
from components.contracts import LABELS
from components.metrics import BootstrapConfig, Interval
from components.perspectives import NAMES, PERSPECTIVES
from components.settings import Settings
from components.step_result import CommandProgress
from components.teacher.config import QualificationConfig
from components.teacher.endpoint_labeller import EndpointLabeller
from components.teacher.held_out import read_student_labels
from components.teacher.judged_pairs import read_judged_pairs
from components.teacher.qualification import Qualification, qualify

EPILOG = f"""
judgements   a table that a run prepared (runs/state/kfp/retrain-*/prepare-judgements/judgements, the newest is the
             default), or your own file (.csv, .tsv, .jsonl, .parquet) with the columns query, title and label,
             labels being {", ".join(LABELS)}. It may also have brand, category, attributes,
             query_id and item_id.
key          BROADFAST_LLM_API_KEY in the environment; no option takes it, so that no history keeps it.
cost         each pair is asked once from every perspective: 200 pairs are {200 * len(NAMES)} requests. --price tells US
             dollars for 1,000 pairs.
exit status  0: it qualifies. 1: it does not. 2: the arguments are wrong, or the server cannot be asked.

example      BROADFAST_LLM_API_KEY=... python -m components.teacher.qualify --endpoint https://api.example.com/v1 \\
               --model big-model --judgements pairs.csv --pairs 200 --price 0.15 0.60
"""


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line, and end the process with a sentence where it is wrong."""
    summary, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m components.teacher.qualify",
        description=f"{summary.split(':')[0]}.\n\n{details}",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    bounds = QualificationConfig()
    add = parser.add_argument
    add("--endpoint", default=Settings().llm_endpoint, help="address, as http://host:8000/v1 (BROADFAST_LLM_ENDPOINT)")
    add("--model", default=Settings().llm_model, help="of the server (BROADFAST_LLM_MODEL); default: the one it has")
    add("--judgements", type=Path, help="judged pairs; default: the newest run's")
    add("--pairs", type=int, default=200, help="to ask about, one of each query in turn (%(default)s)")
    add("--perspectives", nargs="+", choices=NAMES, default=NAMES, metavar="NAME", help=f"of {', '.join(NAMES)}")
    add("--student", type=Path, help="PREDICTIONS of the student that serves, to compare labels with")
    add("--over-commonest", type=float, default=bounds.over_commonest, help="accuracy to gain for sure (%(default)s)")
    add("--over-student", type=float, default=bounds.over_student, help="the same over the student (%(default)s)")
    add("--concurrency", type=int, default=8, help="requests under way at once (%(default)s)")
    add("--max-tokens", type=int, default=256, help="of an answer (%(default)s)")
    limit_name = Settings().llm_limit_name
    add("--limit-name", default=limit_name, help="max_completion_tokens where the server wants that (%(default)s)")
    add("--no-logprobs", action="store_true", help="for servers that refuse them; no calibration is measured then")
    add("--price", type=float, nargs=2, metavar=("IN", "OUT"), help="US dollars per million tokens in and out")
    add("--out", type=Path, help="JSON file for every figure")
    args = parser.parse_args(arguments)
    if not args.endpoint.startswith(("http://", "https://")):
        parser.error(f"--endpoint is {args.endpoint!r}: give an address as http://host:8000/v1")
    for name in ("pairs", "concurrency", "max_tokens"):
        if vars(args)[name] < 1:
            parser.error(f"--{name.replace('_', '-')} is {vars(args)[name]}: give a whole number from 1")
    return args


def main(arguments: Sequence[str]) -> int:
    """Ask, measure, print, and return the exit status."""
    args = parse_arguments(arguments)
    try:
        qualification, cost = judge(args)
    except (ValueError, OSError) as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 2
    print(describe(qualification, cost))
    if args.out:
        args.out.write_text(json.dumps(asdict(qualification) | cost, indent=1))
    return 1 if qualification.refusal else 0


def judge(args: argparse.Namespace) -> tuple[Qualification, dict]:
    """Ask the server about judged pairs, and return its qualification and cost.

    Raises:
        ValueError: the pairs cannot be read, or the server cannot be asked; with the remedy.
    """
    rows = read_judged_pairs(args.judgements, args.pairs)
    student = read_student_labels(args.student) if args.student else {}
    perspectives = tuple(view for view in PERSPECTIVES if view.name in args.perspectives)
    options = ChatOptions(
        endpoint=args.endpoint,
        api_key=Settings().llm_api_key,
        model=args.model,
        concurrency=args.concurrency,
        max_tokens=args.max_tokens,
        limit_name=args.limit_name,
        has_logprobs=not args.no_logprobs,
    )
    labeller = EndpointLabeller(options, perspectives)
    model = labeller.client.choose_model()
    requests = len(rows) * len(perspectives)
    print(f"asking {model} about {len(rows)} judged pairs: {requests} requests", file=sys.stderr, flush=True)
    answers = labeller.label(rows, model, CommandProgress(requests, "answers"))
    bounds = QualificationConfig(over_commonest=args.over_commonest, over_student=args.over_student)
    qualification = qualify(answers, student, bounds, BootstrapConfig())
    return qualification, describe_cost(labeller.client.usage, len(rows), args.price)


def describe_cost(usage: dict, pairs: int, price: Sequence[float] | None) -> dict:
    """Return what was used, and seconds, tokens and US dollars for 1,000 pairs."""
    per_1000 = {f"{name}_per_1000_pairs": round(1000 * count / pairs, 2) for name, count in usage.items()}
    if price:
        tokens = usage["tokens_in"] * price[0] + usage["tokens_out"] * price[1]
        per_1000["usd_per_1000_pairs"] = round(tokens / 1e6 * 1000 / pairs, 4)
    return {"used": dict(usage)} | per_1000


def describe(qualification: Qualification, cost: dict) -> str:
    """Return the figures as a person reads them, a line each, and the verdict last."""
    measures = qualification.measures
    lines = [
        f"judged pairs         {qualification.pairs} of {qualification.queries} queries",
        f"accuracy             {show(measures.accuracy)}",
        f"macro-F1             {show(measures.macro_f1)}",
        f"kappa with people    {show(measures.kappa)}",
        f"answers in form      {show(measures.parse_rate)}",
        f"calibration error    {show(measures.calibration_error)}",
        f"commonest label      {show(qualification.commonest_accuracy)}, always {qualification.commonest_label}",
        f"student that serves  {show(qualification.student_accuracy)}",
        f"1,000 pairs take     {show_cost(cost)}",
        f"{qualification.headline()}.",
        f"{qualification.labels_refusal or 'its labels are better than those of the student that serves'}.",
    ]
    return "\n".join(lines)


def show(interval: Interval | None) -> str:
    """Return a measure with its interval, or a dash where it was not measured."""
    if interval is None:
        return "-"
    bounds = "" if interval.low is None else f" ({interval.low:.3f} to {interval.high:.3f})"
    return f"{interval.estimate:.3f}{bounds}"


def show_cost(cost: dict) -> str:
    """Return what 1,000 pairs take, with the price where one is stated."""
    tokens = f"{cost['tokens_in_per_1000_pairs']:,.0f} tokens in, {cost['tokens_out_per_1000_pairs']:,.0f} out"
    price = f", {cost['usd_per_1000_pairs']:,.2f} US dollars" if "usd_per_1000_pairs" in cost else ""
    return f"{cost['seconds_per_1000_pairs']:,.0f} s, {tokens}{price}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
