"""Score pairs in a process of its own: `python -m bench.student.scoring_workers KIND FOLDER ...`.

Reads {"query": .., "items": [..]} from standard input, answers {"cpu_ms": .., "wall_ms": .., "labels": [..]}. Imports
nothing of this project but for our own kinds, so that peers run it with an environment of their own.
"""

import json
import resource
import sys
import time

LENGTH = 96  # tokens of query and item at most, for everyone


def scored_by_peer(model):
    """A CrossEncoder's predict as a function of a query and items."""
    size = int(sys.argv[3])

    def score(query: str, items: list[str]) -> list[int]:
        said = model.predict([(query, item) for item in items], batch_size=size, show_progress_bar=False)
        return [int(row.argmax()) for row in said]

    return score


def cross_encoder(folder: str):
    """sentence-transformers with PyTorch."""
    import torch
    from sentence_transformers import CrossEncoder

    torch.set_num_threads(1)
    return scored_by_peer(CrossEncoder(folder, device="cpu", max_length=LENGTH))


def cross_encoder_onnx(folder: str):
    """sentence-transformers with ONNX Runtime, of a file that `peers.py` made."""
    import onnxruntime
    from sentence_transformers import CrossEncoder

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    given = {"file_name": sys.argv[4], "session_options": options, "provider": "CPUExecutionProvider"}
    return scored_by_peer(CrossEncoder(folder, backend="onnx", model_kwargs=given, device="cpu", max_length=LENGTH))


def infinity(folder: str):
    """infinity's engine, as its server calls it: on an event loop that runs all the while."""
    import asyncio
    import threading

    import torch
    from infinity_emb import AsyncEmbeddingEngine, EngineArgs

    torch.set_num_threads(1)
    size, loop = int(sys.argv[3]), asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    given = {"engine": "torch", "device": "cpu", "batch_size": size, "model_warmup": False, "bettertransformer": False}

    async def started():
        engine = AsyncEmbeddingEngine.from_args(EngineArgs(model_name_or_path=folder, **given))
        await engine.astart()
        return engine

    engine = asyncio.run_coroutine_threadsafe(started(), loop).result()

    def score(query: str, items: list[str]) -> list[int]:
        asked = engine.rerank(query=query, docs=items, raw_scores=True)
        asyncio.run_coroutine_threadsafe(asked, loop).result()
        return []

    return score


def plain_onnx(folder: str):
    """ONNX Runtime as its own examples use it: one batch, padded to its longest pair."""
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(f"{folder}/onnx/{sys.argv[4]}", options, ["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.enable_padding()
    tokenizer.enable_truncation(LENGTH)

    def score(query: str, items: list[str]) -> list[int]:
        read = tokenizer.encode_batch([(query, item) for item in items])
        arrays = {"input_ids": [r.ids for r in read], "attention_mask": [r.attention_mask for r in read]}
        arrays |= {"token_type_ids": [r.type_ids for r in read]}
        (logits,) = session.run(None, {name: np.array(rows, np.int64) for name, rows in arrays.items()})
        return logits.argmax(-1).tolist()

    return score


def ours(folder: str):
    """Our scorer: `cold` remembers nothing, `warm` has prepared every item before it was asked about."""
    from components.scoring.scorer import Scorer

    scorer, kind = Scorer(folder), sys.argv[4]
    scorer.precomputed_items.rows.clear()  # a precomputed item would not be encoded here

    def score(query: str, items: list[str]) -> list[str]:
        if kind == "cold":
            scorer.items.clear()
        return scorer([(query, item) for item in items]).labels

    return score


def memory_mb() -> float:
    """The most that this process ever held."""
    with open("/proc/self/status") as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1]) / 1024


def main() -> None:
    """Load, say so, then answer until the input ends."""
    kinds = (cross_encoder, cross_encoder_onnx, infinity, plain_onnx, ours)
    score = {kind.__name__: kind for kind in kinds}[sys.argv[1]](sys.argv[2])
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        cpu, wall = time.process_time(), time.perf_counter()
        labels = score(asked["query"], asked["items"])
        took = {"cpu_ms": 1000 * (time.process_time() - cpu), "wall_ms": 1000 * (time.perf_counter() - wall)}
        since = resource.getrusage(resource.RUSAGE_SELF)
        total = since.ru_utime + since.ru_stime
        print(json.dumps({**took, "labels": labels, "total_cpu_s": total, "memory_mb": memory_mb()}), flush=True)


if __name__ == "__main__":
    main()
