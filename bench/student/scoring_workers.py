"""Score pairs in a process of its own: `python -m bench.student.scoring_workers KIND FOLDER ...`.

Reads {"query": .., "items": [..]} from standard input, answers {"cpu_ms": .., "wall_ms": .., "labels": [..]}. Imports
nothing of this project but for our own kinds, so that peers run it with an environment of their own.
"""

import json
import resource
import sys
import time

from bench.student.peer_workers import MAX_TOKENS, fastembed, flashrank, infinity, pylate, static_vectors


def peer_score(model):
    """Return a CrossEncoder's predict as a function of a query and items."""
    batch_size = int(sys.argv[3])

    def score(query: str, items: list[str]) -> list[int]:
        logits = model.predict([(query, item) for item in items], batch_size=batch_size, show_progress_bar=False)
        return [int(row.argmax()) for row in logits]

    return score


def cross_encoder(folder: str):
    """Load sentence-transformers with PyTorch."""
    import torch
    from sentence_transformers import CrossEncoder

    torch.set_num_threads(1)
    return peer_score(CrossEncoder(folder, device="cpu", max_length=MAX_TOKENS))


def cross_encoder_onnx(folder: str):
    """Load sentence-transformers with ONNX Runtime, on a file that `peers.py` wrote."""
    import onnxruntime
    from sentence_transformers import CrossEncoder

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    arguments = {"file_name": sys.argv[4], "session_options": options, "provider": "CPUExecutionProvider"}
    return peer_score(CrossEncoder(folder, backend="onnx", model_kwargs=arguments, device="cpu", max_length=MAX_TOKENS))


def cross_encoder_openvino(folder: str):
    """Load sentence-transformers with OpenVINO, on a file that `peers.py` wrote."""
    from sentence_transformers import CrossEncoder

    properties = {"INFERENCE_PRECISION_HINT": sys.argv[5], "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    arguments = {"file_name": f"openvino/{sys.argv[4]}", "ov_config": properties}
    return peer_score(
        CrossEncoder(folder, backend="openvino", model_kwargs=arguments, device="cpu", max_length=MAX_TOKENS)
    )


def plain_onnx(folder: str):
    """Load ONNX Runtime as its own examples use it, with one batch padded to its longest pair."""
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(f"{folder}/onnx/{sys.argv[4]}", options, ["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.enable_padding()
    tokenizer.enable_truncation(MAX_TOKENS)

    def score(query: str, items: list[str]) -> list[int]:
        encodings = tokenizer.encode_batch([(query, item) for item in items])
        arrays = {"input_ids": [encoding.ids for encoding in encodings]}
        arrays |= {"attention_mask": [encoding.attention_mask for encoding in encodings]}
        arrays |= {"token_type_ids": [encoding.type_ids for encoding in encodings]}
        (logits,) = session.run(None, {name: np.array(rows, np.int64) for name, rows in arrays.items()})
        return logits.argmax(-1).tolist()

    return score


def plain_openvino(folder: str):
    """Load OpenVINO as its own examples use it, on batches sorted by length and padded to their longest pair."""
    import numpy as np
    import openvino
    from tokenizers import Tokenizer

    size = int(sys.argv[3])
    core = openvino.Core()
    properties = {"INFERENCE_PRECISION_HINT": sys.argv[5], "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    model = core.compile_model(core.read_model(f"{folder}/{sys.argv[4]}"), "CPU", properties)
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)

    def score(query: str, items: list[str]) -> list[int]:
        encodings = tokenizer.encode_batch([(query, item) for item in items])
        order = sorted(range(len(items)), key=lambda index: len(encodings[index].ids))
        labels = [0] * len(items)
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            shape = (len(batch), len(encodings[batch[-1]].ids))
            arrays = {name: np.zeros(shape, np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")}
            for row, index in enumerate(batch):
                length = len(encodings[index].ids)
                arrays["input_ids"][row, :length] = encodings[index].ids
                arrays["attention_mask"][row, :length] = 1
                arrays["token_type_ids"][row, :length] = encodings[index].type_ids
            for index, label in zip(batch, model(arrays)[0].argmax(-1).tolist(), strict=True):
                labels[index] = label
        return labels

    return score


def ours(folder: str):
    """Load our scorer: `cold` remembers no item, `warm` does."""
    from components.scoring.scorer import Scorer

    scorer = Scorer(folder)
    scorer.precomputed_items.rows.clear()  # a precomputed item would not be encoded here

    def score(query: str, items: list[str]) -> list[str]:
        if sys.argv[4] == "cold":
            scorer.items.clear()
        return scorer([(query, item) for item in items]).labels

    return score


def memory_mb() -> float:
    """Return the peak of this process's memory."""
    with open("/proc/self/status") as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1]) / 1024


def main() -> None:
    """Load, print `ready`, then answer until the input ends."""
    kinds = (cross_encoder, cross_encoder_onnx, cross_encoder_openvino, plain_onnx, plain_openvino, ours)
    kinds += (infinity, fastembed, flashrank, pylate, static_vectors)
    score = {kind.__name__: kind for kind in kinds}[sys.argv[1]](sys.argv[2])
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        cpu_start = time.process_time()
        wall_start = time.perf_counter()
        labels = score(request["query"], request["items"])
        cpu_ms = 1000 * (time.process_time() - cpu_start)
        wall_ms = 1000 * (time.perf_counter() - wall_start)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        answer = {"cpu_ms": cpu_ms, "wall_ms": wall_ms, "labels": labels}
        answer |= {"total_cpu_s": usage.ru_utime + usage.ru_stime, "memory_mb": memory_mb()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
