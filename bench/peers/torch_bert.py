"""One training step of BERT by masked words in PyTorch: torch.compile, bfloat16 autocast, scaled_dot_product_attention,
fused AdamW. The same model, batches and clipping as bench/peers/jax_bert.py. Prints one line of JSON.

    python bench/peers/torch_bert.py --batch 256 --steps 30 --precision bf16
"""

import argparse
import json
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

parser = argparse.ArgumentParser()
for name, default in dict(
    layers=12, hidden=768, heads=12, vocab=30000, positions=300, length=128, batch=256, masked=0, steps=30, warmup=3, curve=0
).items():
    parser.add_argument(f"--{name}", type=int, default=default)
parser.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
parser.add_argument("--rate", type=float, default=1e-4)
parser.add_argument("--eager", action="store_true")
args = parser.parse_args()
L, H, N, V, T, B = args.layers, args.hidden, args.heads, args.vocab, args.length, args.batch
P = args.masked or max(1, -(-int(np.ceil(B * T * 0.15)) // 8)) * 8
device = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(1)


def mix(x):
    x = x.astype(np.uint32)
    with np.errstate(over="ignore"):
        x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
        x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
        return x ^ (x >> 16)


def batch(step):
    u = mix(np.arange(B * T, dtype=np.uint32) + np.uint32((step * 2654435761) & 0xFFFFFFFF)).astype(np.float64) / 2**32
    ids = (5 + np.floor((V - 5) * u**4)).astype(np.int64)
    places = np.floor(np.arange(P) * (B * T / P)).astype(np.int64)
    labels = ids[places].copy()
    ids[places] = 4
    return [torch.from_numpy(x) for x in (ids.reshape(B, T), places, labels)]


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(H, H) for _ in range(4))
        self.wide, self.narrow = nn.Linear(H, 4 * H), nn.Linear(4 * H, H)
        self.norm1, self.norm2 = nn.LayerNorm(H, 1e-12), nn.LayerNorm(H, 1e-12)

    def forward(self, x):
        split = lambda y: y.view(B, T, N, H // N).transpose(1, 2)
        context = F.scaled_dot_product_attention(split(self.q(x)), split(self.k(x)), split(self.v(x)))
        x = self.norm1(self.o(context.transpose(1, 2).reshape(B, T, H)) + x)
        return self.norm2(self.narrow(F.gelu(self.wide(x))) + x)


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.types = nn.Embedding(V, H), nn.Embedding(2, H)
        self.places = nn.Embedding(args.positions, H)
        self.norm = nn.LayerNorm(H, 1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(L))
        self.transform, self.transform_norm = nn.Linear(H, H), nn.LayerNorm(H, 1e-12)
        self.bias = nn.Parameter(torch.zeros(V))
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, ids, places, labels):
        x = self.norm(self.words(ids) + self.types.weight[0] + self.places.weight[:T])
        for layer in self.layers:
            x = layer(x)
        y = self.transform_norm(F.gelu(self.transform(x.view(B * T, H)[places])))
        return F.cross_entropy(F.linear(y, self.words.weight, self.bias).float(), labels)


model = Bert().to(device)
decays = lambda name: not (name.endswith("bias") or "norm" in name)
groups = [
    dict(params=[p for name, p in model.named_parameters() if decays(name) == wanted], weight_decay=decay)
    for wanted, decay in ((True, 0.01), (False, 0.0))
]
optimizer = torch.optim.AdamW(groups, lr=args.rate, eps=1e-8, fused=True)
forward = model if args.eager else torch.compile(model)
batches = [batch(i) for i in range(8)]


def step(i):
    inputs = [x.to(device, non_blocking=True) for x in batches[i % 8]]
    with torch.autocast(device, torch.bfloat16, enabled=args.precision == "bf16"):
        value = forward(*inputs)
    value.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return value.detach()


def wait():
    if device == "cuda":
        torch.cuda.synchronize()


begin = time.perf_counter()
losses = [step(0)]
wait()
compile_s = time.perf_counter() - begin
total = args.curve or args.warmup + args.steps
for i in range(1, total):
    if i == args.warmup:
        wait()
        begin = time.perf_counter()
    losses.append(step(i))
wait()
seconds = time.perf_counter() - begin
print(
    json.dumps(
        dict(
            peer=f"torch {torch.__version__}",
            device=torch.cuda.get_device_name() if device == "cuda" else "cpu",
            precision=args.precision,
            batch=B,
            tokensPerSecond=B * T * (total - args.warmup) / seconds,
            msPerStep=1000 * seconds / (total - args.warmup),
            compileSeconds=compile_s,
            losses=[float(x) for x in losses],
        )
    )
)
