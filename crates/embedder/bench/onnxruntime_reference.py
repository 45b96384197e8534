"""The same figures as the example encoder_bench, from onnxruntime: the same texts, one after another, never padded.

    pip install onnxruntime onnx tokenizers safetensors
    python onnxruntime_reference.py DIRECTORY_OF_THE_MODEL [THREADS]

The graph is built here from model.safetensors out of onnxruntime's own fused operators, which is what its optimiser
makes of an exported BERT. The vocabulary alone makes the tokenizer.
"""

import json
import pathlib
import resource
import statistics
import sys
import time

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file
from tokenizers import BertWordPieceTokenizer

LAYERS, HEADS, HIDDEN = 6, 12, 384
DIRECTORY = pathlib.Path(sys.argv[1])
THREADS = int(sys.argv[2]) if len(sys.argv) > 2 else 2
FUSED = "com.microsoft"


def graph():
    weights = load_file(DIRECTORY / "model.safetensors")
    nodes, constants = [], []

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(kind, inputs, output, domain=FUSED, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output, *attributes.pop("more", [])], domain=domain, **attributes))
        return output

    def norm(name):
        return [constant(f"{name}.{part}", weights[f"{name}.{part}"]) for part in ("weight", "bias")]

    tables = [
        constant(name, weights[f"embeddings.{name}_embeddings.weight"]) for name in ("word", "position", "token_type")
    ]
    inputs = ["ids", "segments", *tables, *norm("embeddings.LayerNorm"), "mask"]
    hidden = node("EmbedLayerNormalization", inputs, "hidden", more=["lengths"], epsilon=1e-12)
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        parts = [f"{at}.attention.self.{part}" for part in ("query", "key", "value")]
        weight = constant(f"{at}.qkv", np.concatenate([weights[f"{part}.weight"].T for part in parts], axis=1))
        bias = constant(f"{at}.qkv_bias", np.concatenate([weights[f"{part}.bias"] for part in parts]))
        # Without a mask: nothing is padded.
        context = node("Attention", [hidden, weight, bias], f"{at}.context", num_heads=HEADS)

        def dense(name, value):
            return node("MatMul", [value, constant(f"{name}.T", weights[f"{name}.weight"].T)], f"{name}.out", domain="")

        def residual(name, value, skip):
            inputs = [value, skip, *norm(f"{name}.LayerNorm"), constant(f"{name}.b", weights[f"{name}.dense.bias"])]
            return node("SkipLayerNormalization", inputs, f"{name}.normal", epsilon=1e-12)

        hidden = residual(f"{at}.attention.output", dense(f"{at}.attention.output.dense", context), hidden)
        inward = f"{at}.intermediate.dense"
        wide = [dense(inward, hidden), constant(f"{inward}.b", weights[f"{inward}.bias"])]
        hidden = residual(f"{at}.output", dense(f"{at}.output.dense", node("BiasGelu", wide, f"{at}.wide")), hidden)
    node("ReduceMean", [hidden], "mean", domain="", axes=[1], keepdims=0)
    node("LpNormalization", ["mean"], "vector", domain="", axis=-1, p=2)

    ids = [helper.make_tensor_value_info(name, TensorProto.INT32, [1, "length"]) for name in ("ids", "segments", "mask")]
    vector = helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, HIDDEN])
    body = helper.make_graph(nodes, "minilm", ids, [vector], constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)]
    return helper.make_model(body, opset_imports=opsets, ir_version=9)


options = onnxruntime.SessionOptions()
options.intra_op_num_threads = THREADS
session = onnxruntime.InferenceSession(graph().SerializeToString(), options, providers=["CPUExecutionProvider"])
tokenizer = BertWordPieceTokenizer(str(DIRECTORY / "vocab.txt"), lowercase=True)
tokenizer.enable_truncation(256)


def embed(texts):
    vectors = []
    for text in texts:
        ids = np.array([tokenizer.encode(text).ids], dtype=np.int32)
        feed = {"ids": ids, "segments": np.zeros_like(ids), "mask": np.ones_like(ids)}
        vectors.append(session.run(None, feed)[0][0])
    return vectors


def words(count, seed):
    # As in the example: each word is one token, two more stand for the beginning and the end.
    known = ["time", "person", "year", "way", "day", "thing", "man", "world", "life", "hand", "part", "child", "eye"]
    return " ".join(known[(seed * 7 + index * index) % len(known)] for index in range(count))


def report(figure, value, unit):
    print(json.dumps({"engine": "onnxruntime", "figure": figure, "value": round(value, 3), "unit": unit}), flush=True)


def latency(figure, text, rounds):
    embed([text] * 5)
    wall, cpu = [], []
    for _ in range(rounds):
        started, used = time.perf_counter(), time.process_time()
        embed([text])
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - used)
    report(f"{figure}, wall", statistics.median(wall) * 1000, "ms")
    report(f"{figure}, CPU", statistics.median(cpu) * 1000, "ms")


def throughput(figure, texts, rounds):
    embed(texts)
    rates = []
    for _ in range(rounds):
        started = time.perf_counter()
        embed(texts)
        rates.append(len(texts) / (time.perf_counter() - started))
    report(figure, statistics.median(rates), "texts/s")


latency("short query", words(8, 1), 200)
latency("one long text", words(400, 2), 40)
for batch in (1, 8, 32):
    throughput(f"256 tokens, batch {batch}", [words(254, seed) for seed in range(batch)], max(3, 64 // batch))
throughput("mixed lengths", [words(1 + (seed * 97) % 300, seed) for seed in range(64)], 3)
report("peak memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")
