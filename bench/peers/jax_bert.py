"""One training step of BERT by masked words in plain JAX, with the same maths as the step that bench/xla_h100.ts and
bench/xla.ts take: post-norm, gelu by erf, the head at the masked places alone, AdamW with clipping by the global norm,
donated parameters. Prints one line of JSON.

    python bench/peers/jax_bert.py --batch 256 --steps 30 --precision bf16
"""

import argparse
import json
import struct
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

parser = argparse.ArgumentParser()
for name, default in dict(
    layers=12, hidden=768, heads=12, vocab=30000, positions=300, length=128, batch=256, masked=0, steps=30, warmup=3, curve=0
).items():
    parser.add_argument(f"--{name}", type=int, default=default)
parser.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
parser.add_argument("--rate", type=float, default=1e-4)
parser.add_argument("--init", help="a model.safetensors to begin with")
args = parser.parse_args()
L, H, N, V, T, B = args.layers, args.hidden, args.heads, args.vocab, args.length, args.batch
P = args.masked or max(1, -(-int(np.ceil(B * T * 0.15)) // 8)) * 8
low = jnp.bfloat16 if args.precision == "bf16" else jnp.float32
exact = None if args.precision == "bf16" else jax.lax.Precision.HIGHEST


def shapes():
    yield "cls.predictions.bias", (V,)
    for name, i, o in [("cls.predictions.transform.dense", H, H)]:
        yield f"{name}.weight", (o, i)
        yield f"{name}.bias", (o,)
    for part in "weight", "bias":
        yield f"cls.predictions.transform.LayerNorm.{part}", (H,)
    e = "bert.embeddings."
    yield e + "word_embeddings.weight", (V, H)
    yield e + "position_embeddings.weight", (args.positions, H)
    yield e + "token_type_embeddings.weight", (2, H)
    for part in "weight", "bias":
        yield f"{e}LayerNorm.{part}", (H,)
    for l in range(L):
        a = f"bert.encoder.layer.{l}."
        for name, i, o in [
            ("attention.self.query", H, H),
            ("attention.self.key", H, H),
            ("attention.self.value", H, H),
            ("attention.output.dense", H, H),
            ("intermediate.dense", H, 4 * H),
            ("output.dense", 4 * H, H),
        ]:
            yield f"{a}{name}.weight", (o, i)
            yield f"{a}{name}.bias", (o,)
        for name in "attention.output.LayerNorm", "output.LayerNorm":
            for part in "weight", "bias":
                yield f"{a}{name}.{part}", (H,)


def initial():
    if args.init:
        with open(args.init, "rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(size))
            data = file.read()
        return {
            key: jnp.asarray(np.frombuffer(data[slice(*header[key]["data_offsets"])], np.float32).reshape(shape))
            for key, shape in shapes()
        }
    rng = np.random.default_rng(1)
    ones = lambda key: "LayerNorm.weight" in key
    return {
        key: jnp.asarray(
            np.ones(shape, np.float32)
            if ones(key)
            else np.zeros(shape, np.float32)
            if key.endswith("bias")
            else (0.02 * rng.standard_normal(shape)).astype(np.float32)
        )
        for key, shape in shapes()
    }


def mix(x):
    """A 32-bit hash of counters: the same words as in TypeScript."""
    x = x.astype(np.uint32)
    with np.errstate(over="ignore"):
        x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
        x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
        return x ^ (x >> 16)


def batch(step):
    """Words of Zipf's kind, a tenth of them repeated from the place before, and places ascending."""
    u = mix(np.arange(B * T, dtype=np.uint32) + np.uint32((step * 2654435761) & 0xFFFFFFFF)).astype(np.float64) / 2**32
    ids = (5 + np.floor((V - 5) * u**4)).astype(np.int32)
    stride = B * T / P
    places = np.floor(np.arange(P) * stride).astype(np.int32)
    labels = ids[places].copy()
    ids[places] = 4
    return ids.reshape(B, T), places, labels


def linear(p, name, x):
    y = jnp.einsum("mi,oi->mo", x.astype(low), p[f"{name}.weight"].astype(low), precision=exact)
    return y + p[f"{name}.bias"].astype(low)


def norm(p, name, x):
    x = x.astype(jnp.float32)
    centred = x - x.mean(-1, keepdims=True)
    variance = (centred * centred).mean(-1, keepdims=True)
    y = centred * jax.lax.rsqrt(variance + 1e-12) * p[f"{name}.weight"] + p[f"{name}.bias"]
    return y.astype(low)


def gelu(x):
    return jax.nn.gelu(x, approximate=False)


def loss(p, ids, places, labels):
    e = "bert.embeddings."
    words = p[e + "word_embeddings.weight"][ids.reshape(-1)].reshape(B, T, H).astype(low)
    rest = p[e + "token_type_embeddings.weight"][0] + p[e + "position_embeddings.weight"][:T]
    x = norm(p, e + "LayerNorm", (words + rest.astype(low)).reshape(B * T, H))
    for l in range(L):
        a = f"bert.encoder.layer.{l}."
        split = lambda y: y.reshape(B, T, N, H // N)
        q, k, v = (split(linear(p, f"{a}attention.self.{name}", x)) for name in ("query", "key", "value"))
        q = q * jnp.asarray(1 / np.sqrt(H // N), low)
        scores = jnp.einsum("btnd,bsnd->bnts", q, k, precision=exact)
        weights = jax.nn.softmax(scores.astype(jnp.float32), axis=-1).astype(low)
        context = jnp.einsum("bnts,bsnd->btnd", weights, v, precision=exact).reshape(B * T, H)
        x = norm(p, f"{a}attention.output.LayerNorm", linear(p, f"{a}attention.output.dense", context) + x)
        wide = gelu(linear(p, f"{a}intermediate.dense", x))
        x = norm(p, f"{a}output.LayerNorm", linear(p, f"{a}output.dense", wide) + x)
    c = "cls.predictions."
    y = norm(p, c + "transform.LayerNorm", gelu(linear(p, c + "transform.dense", x[places])))
    logits = jnp.einsum("ph,vh->pv", y, p["bert.embeddings.word_embeddings.weight"].astype(low), precision=exact)
    logits = logits.astype(jnp.float32) + p[c + "bias"]
    chosen = jnp.take_along_axis(logits, labels[:, None], 1)[:, 0]
    return (jax.nn.logsumexp(logits, -1) - chosen).mean()


@partial(jax.jit, donate_argnums=(0, 1, 2))
def step(p, m, v, scalars, ids, places, labels):
    value, g = jax.value_and_grad(loss)(p, ids, places, labels)
    total = jnp.sqrt(sum(jnp.sum(x.astype(jnp.float32) ** 2) for x in g.values()))
    clip = jnp.minimum(1, 1 / (total + 1e-6))
    rate, c1, c2 = scalars
    for key in p:
        m[key] = 0.9 * m[key] + (0.1 * clip) * g[key]
        v[key] = 0.999 * v[key] + (0.001 * clip * clip) * g[key] ** 2
        change = m[key] * c1 / (jnp.sqrt(v[key] * c2) + 1e-8)
        if "bias" not in key and "LayerNorm" not in key:
            change = change + 0.01 * p[key]
        p[key] = p[key] - rate * change
    return p, m, v, value, total


def scalars(i):
    return np.array([args.rate, 1 / (1 - 0.9 ** (i + 1)), 1 / (1 - 0.999 ** (i + 1))], np.float32)


p = initial()
m = {key: jnp.zeros_like(x) for key, x in p.items()}
v = {key: jnp.zeros_like(x) for key, x in p.items()}
batches = [batch(i) for i in range(8)]
begin = time.perf_counter()
compiled = step.lower(p, m, v, scalars(0), *batches[0]).compile()
compile_s = time.perf_counter() - begin
losses, taken = [], []
total = args.curve or args.warmup + args.steps
for i in range(total):
    if i == args.warmup:
        value.block_until_ready()
        begin = time.perf_counter()
    p, m, v, value, _ = compiled(p, m, v, scalars(i), *batches[i % 8])
    losses.append(value)
    if i >= 2:
        losses[i - 2] = float(losses[i - 2])
value.block_until_ready()
seconds = time.perf_counter() - begin
print(
    json.dumps(
        dict(
            peer=f"jax {jax.__version__}",
            device=str(jax.devices()[0].device_kind),
            precision=args.precision,
            batch=B,
            tokensPerSecond=B * T * (total - args.warmup) / seconds,
            msPerStep=1000 * seconds / (total - args.warmup),
            compileSeconds=compile_s,
            losses=[float(x) for x in losses],
        )
    )
)
