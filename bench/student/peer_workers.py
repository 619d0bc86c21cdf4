"""How peers with an engine of their own score a query's items, for `bench.student.scoring_workers`.

Each function loads a model and returns what scores: a list of labels, empty where a peer knows no labels.
"""

import sys

MAX_TOKENS = 96  # of query and item, for everyone


def infinity(folder: str):
    """Load infinity's engine as its server calls it, on an event loop that keeps running."""
    import asyncio
    import threading

    import torch
    from infinity_emb import AsyncEmbeddingEngine, EngineArgs

    torch.set_num_threads(1)
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    arguments = {"engine": "torch", "device": "cpu", "batch_size": int(sys.argv[3])}
    arguments |= {"model_warmup": False, "bettertransformer": False}

    async def start_engine():
        engine = AsyncEmbeddingEngine.from_args(EngineArgs(model_name_or_path=folder, **arguments))
        await engine.astart()
        return engine

    engine = asyncio.run_coroutine_threadsafe(start_engine(), loop).result()

    def score(query: str, items: list[str]) -> list[int]:
        reranking = engine.rerank(query=query, docs=items, raw_scores=True)
        asyncio.run_coroutine_threadsafe(reranking, loop).result()
        return []

    return score


def fastembed(folder: str):
    """Load fastembed on a classifier of one label, the kind that it takes."""
    from fastembed.common.model_description import ModelSource
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    TextCrossEncoder.add_custom_model("local/model", ModelSource(hf="local/model"), model_file="onnx/plain.onnx")
    model = TextCrossEncoder("local/model", threads=1, specific_model_path=folder)

    def score(query: str, items: list[str]) -> list[int]:
        list(model.rerank(query, items, batch_size=int(sys.argv[3])))
        return []

    return score


def flashrank(folder: str):
    """Load FlashRank on a classifier of one label, under a name of its list."""
    from flashrank import Ranker, RerankRequest

    ranker = Ranker("ce-esci-MiniLM-L12-v2", folder, max_length=MAX_TOKENS, log_level="ERROR")

    def score(query: str, items: list[str]) -> list[int]:
        ranker.rerank(RerankRequest(query, [{"id": number, "text": item} for number, item in enumerate(items)]))
        return []

    return score


def pylate(folder: str):
    """Load PyLate's late interaction on our encoder: `cold` encodes each item anew, `warm` remembers its vectors."""
    import torch
    from pylate import models, rank

    torch.set_num_threads(1)
    model = models.ColBERT(folder, device="cpu", document_length=MAX_TOKENS, query_length=32, embedding_size=128)
    known = {}

    def score(query: str, items: list[str]) -> list[int]:
        new = items if sys.argv[4] == "cold" else [item for item in items if item not in known]
        if new:
            vectors = model.encode(new, is_query=False, batch_size=int(sys.argv[3]), show_progress_bar=False)
            known.update(zip(new, vectors, strict=True))
        queries = model.encode([query], is_query=True, show_progress_bar=False)
        documents = [[known[item] for item in items]]
        rank.rerank([list(range(len(items)))], queries_embeddings=queries, documents_embeddings=documents)
        return []

    return score


def static_vectors(folder: str):
    """Load model2vec's static vectors: the floor of cost, which reads no word in its place."""
    from model2vec import StaticModel

    model = StaticModel.from_pretrained(folder)

    def score(query: str, items: list[str]) -> list[int]:
        vectors = model.encode([query, *items])
        (vectors[1:] @ vectors[0]).argsort()
        return []

    return score
