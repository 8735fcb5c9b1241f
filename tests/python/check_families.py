#!/usr/bin/env python3
"""Compares losses and gradients of tiny random models of every family with those of transformers.

    check_families.py PROGRAM TOKENIZER_JSON

For each model: the loss by `PROGRAM perplexity`, of the weights as stored, and by transformers, in f32. For one model of
each way of storing layers also after `PROGRAM compress`, with the factors kept and with their products.

With half of each layer's weights pruned: what one step of gradient descent by `PROGRAM finetune` takes off the weights, as a
share of the learning rate, and the gradient by autograd, where weights are kept.
"""

import json
import os
import subprocess
import sys
import tempfile

CACHE = tempfile.TemporaryDirectory()
os.environ.update(HF_HUB_OFFLINE="1", HF_MODULES_CACHE=CACHE.name)

import torch
import transformers
from safetensors.torch import load_file
from transformers.utils import logging

TOLERANCE = 1e-4
# Of a tensor's gradient, as a share of its length: what is left of steps in numbers of 24 bits.
GRADIENT_TOLERANCE = 0.01
WORDS = 38
TEXT = " ".join(f"w{(7 * i * i + 3 * i + i // 5) % WORDS}" for i in range(600))
SIZES = dict(vocab_size=40, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4)
SIZES.update(num_key_value_heads=2, max_position_embeddings=256, bos_token_id=0, eos_token_id=1, pad_token_id=None)
LONG_ROPE = dict(short_factor=[1.0, 1.1, 1.2, 1.3], long_factor=[1.0, 2.0, 4.0, 7.0])
OPT = dict(intermediate_size=None, num_key_value_heads=None, ffn_dim=40)
GPT2 = dict(OPT, ffn_dim=None, max_position_embeddings=None, n_inner=40, n_positions=128)
MOE = dict(num_experts=6, num_experts_per_tok=3, moe_intermediate_size=20, head_dim=8)

# Name of the model's class without its end, tokens of a window, and what differs from SIZES; None leaves a field out.
MODELS = [
    ("Llama", 64, dict(attention_bias=True, mlp_bias=True)),
    ("Llama", 64, dict(rope_scaling=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=64))),
    ("Llama", 64, dict(rope_scaling=dict(
        rope_type="yarn", factor=8.0, original_max_position_embeddings=32, mscale=1.0, mscale_all_dim=0.7, beta_fast=16,
        beta_slow=2, truncate=False,
    ))),
    ("Llama", 128, dict(max_position_embeddings=64, rope_scaling=dict(rope_type="dynamic", factor=3.0))),
    ("Llama", 64, dict(rope_scaling=dict(rope_type="linear", factor=3.0))),
    ("Llama", 64, dict(rope_scaling=dict(
        rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32,
    ))),
    ("Llama", 128, dict(rope_scaling=dict(
        LONG_ROPE, rope_type="longrope", factor=4.0, original_max_position_embeddings=64,
    ))),
    ("Mistral", 64, dict(head_dim=16, sliding_window=20, tie_word_embeddings=True)),
    ("Mixtral", 64, dict(num_local_experts=5, num_experts_per_tok=2)),
    ("Mixtral", 64, dict(num_local_experts=4, num_experts_per_tok=3, sliding_window=10, head_dim=16)),
    ("Qwen2", 64, dict(use_sliding_window=True, sliding_window=16, max_window_layers=1)),
    ("Qwen3", 64, dict(
        attention_bias=True, head_dim=8, use_sliding_window=True, sliding_window=9, max_window_layers=2,
    )),
    ("Qwen3Moe", 64, dict(MOE, norm_topk_prob=True, mlp_only_layers=[1])),
    ("Qwen3Moe", 64, dict(MOE, decoder_sparse_step=2, attention_bias=True)),
    ("Gemma", 64, dict(head_dim=16, hidden_act="gelu")),
    ("Gemma2", 64, dict(
        head_dim=16, sliding_window=11, query_pre_attn_scalar=30, attention_bias=True, num_hidden_layers=4,
    )),
    ("Gemma3", 64, dict(
        head_dim=16, sliding_window=11, num_hidden_layers=4, sliding_window_pattern=2, final_logit_softcapping=5.0,
        rope_scaling=dict(rope_type="linear", factor=8.0),
    )),
    ("Phi", 64, dict(qk_layernorm=True, partial_rotary_factor=1.0)),
    ("Phi", 64, dict(num_key_value_heads=None)),
    ("Phi3", 64, dict(sliding_window=20, partial_rotary_factor=0.5)),
    ("Phi3", 64, dict(original_max_position_embeddings=64, rope_scaling=dict(LONG_ROPE, type="longrope"))),
    ("Phi3", 128, dict(original_max_position_embeddings=64, rope_scaling=dict(LONG_ROPE, type="longrope"))),
    ("Olmo2", 64, dict(attention_bias=True, num_key_value_heads=4)),
    ("Granite", 64, dict(
        attention_multiplier=0.3, embedding_multiplier=2.0, residual_multiplier=0.5, logits_scaling=3.0,
        tie_word_embeddings=True, attention_bias=True, mlp_bias=True,
    )),
    ("SmolLM3", 64, dict(
        num_hidden_layers=5, use_sliding_window=True, sliding_window=13, no_rope_layer_interval=3, attention_bias=True,
    )),
    ("StableLm", 64, dict(use_parallel_residual=True, use_qkv_bias=True, partial_rotary_factor=0.25)),
    ("StableLm", 64, dict(qk_layernorm=True, num_key_value_heads=4)),
    ("Cohere", 64, dict(use_qk_norm=True, attention_bias=True, logit_scale=0.5)),
    ("GPTNeoX", 64, dict(use_parallel_residual=False, rotary_pct=0.5, rotary_emb_base=5000)),
    ("GPTNeoX", 64, dict(attention_bias=False, hidden_act="gelu_new", tie_word_embeddings=True)),
    ("OPT", 64, dict(OPT, do_layer_norm_before=False, word_embed_proj_dim=24)),
    ("OPT", 64, dict(OPT, enable_bias=False, activation_function="gelu")),
    ("OPT", 64, dict(OPT, _remove_final_layer_norm=True, tie_word_embeddings=False)),
    ("GPT2", 64, dict(GPT2, scale_attn_by_inverse_layer_idx=True, activation_function="gelu")),
    ("GPT2", 64, dict(GPT2, scale_attn_weights=False, activation_function="relu")),
]

# Families that store their layers in ways of their own.
COMPRESSED = {"Llama", "Mixtral", "Phi", "Phi3", "Cohere", "GPTNeoX", "OPT", "GPT2"}


def make(folder, kind, changes, tokenizer):
    """Saves a random model in f16, far from how it begins."""
    sizes = {key: value for key, value in {**SIZES, **changes}.items() if value is not None or key == "pad_token_id"}
    model = kind(kind.config_class(**sizes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2 if parameter.dim() == 1 else 0.4)
    model.half().save_pretrained(folder)
    with open(os.path.join(folder, "tokenizer.json"), "wb") as file:
        file.write(tokenizer)


def loss_of(model, ids):
    """Mean loss of the tokens after the first of each window."""
    logits = torch.cat([model(window[None]).logits for window in ids])
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


def opened(folder, **options):
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **options).eval()


def losses(folder, ids, **options):
    with torch.no_grad():
        return loss_of(opened(folder, **options), ids).item()


def gradients(folder, ids):
    """Gradients of the loss by the names that the file has."""
    model = opened(folder)
    loss_of(model, ids).backward()
    with torch.no_grad(), tempfile.TemporaryDirectory() as out:
        for parameter in model.parameters():
            parameter.copy_(torch.zeros_like(parameter) if parameter.grad is None else parameter.grad)
        model.save_pretrained(out)
        return load_file(os.path.join(out, "model.safetensors"))


def main():
    program, tokenizer = sys.argv[1:]
    with open(tokenizer, "rb") as file:
        tokenizer = file.read()
    # Such small products take several threads a thousand times longer where something else runs.
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    ids = transformers.PreTrainedTokenizerFast(tokenizer_file=sys.argv[2])(TEXT)["input_ids"]
    seen, largest, farthest = set(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        text = os.path.join(folder, "text.txt")
        with open(text, "w") as file:
            file.write(TEXT)

        def ours(model, context):
            flags = ["--text", text, "--context", str(context), "--threads", "1", "--json"]
            run = subprocess.run([program, "perplexity", model, *flags], capture_output=True, text=True)
            assert run.returncode == 0, f"{model}: {run.stderr}"
            assert run.stderr == "", f"{model}: {run.stderr}"
            return json.loads(run.stdout)["nll"]

        def check(model, context, **options):
            nonlocal largest
            windows = torch.tensor(ids[: len(ids) // context * context]).reshape(-1, context)
            found, expected = ours(model, context), losses(model, windows, **options)
            assert abs(found - expected) < TOLERANCE, f"{model}: {found}, transformers {expected}"
            largest = max(largest, abs(found - expected))

        def run(*command):
            run = subprocess.run([program, *command, "--threads", "1"], capture_output=True, text=True)
            assert run.returncode == 0, f"{command}: {run.stderr}"

        def check_gradients(dense, context):
            nonlocal farthest
            opened(dense).save_pretrained(dense)
            pruned, stepped = f"{dense}-pruned", f"{dense}-stepped"
            run("compress", dense, "--method", "magnitude", "--density", "0.5", "--out", pruned)
            windows = torch.tensor(ids[: len(ids) // context * context]).reshape(-1, context)
            expected = gradients(pruned, windows)
            length = sum(gradient.square().sum() for gradient in expected.values()).sqrt().item()
            # By which the loss falls by about 0.1: what does not lower it is not kept.
            rate = 0.1 / length**2
            exact = ["--decay", "constant", "--warm-up", "0", "--momentum", "0", "--weight-decay", "0", "--clip", "0"]
            exact += ["--learning-rate", f"{rate:.9g}", "--batch", str(len(windows)), "--context", str(context)]
            run(
                "finetune", pruned, "--text", text, "--held-out", text, "--optimizer", "sgd", "--train", "all", "--steps", "1",
                *exact, "--out", stepped,
            )
            before, after = (load_file(os.path.join(folder, "model.safetensors")) for folder in (pruned, stepped))
            assert before.keys() == after.keys() == expected.keys()
            for name, gradient in expected.items():
                gradient = gradient * (before[name] != 0)
                found = (before[name] - after[name]) / rate
                off = (found - gradient).norm().item() / max(gradient.norm().item(), 1e-3 * length)
                assert off < GRADIENT_TOLERANCE, f"{dense}, {name}: {off} off transformers' gradient"
                farthest = max(farthest, off)

        for number, (name, context, changes) in enumerate(MODELS):
            torch.manual_seed(number)
            kind = getattr(transformers, "GPT2LMHeadModel" if name == "GPT2" else f"{name}ForCausalLM")
            dense = os.path.join(folder, f"{number}-{name}")
            make(dense, kind, changes, tokenizer)
            check(dense, context)
            if name in COMPRESSED - seen:
                seen.add(name)
                for layout in ["merged"] if name == "Mixtral" else ["merged", "bitmask"]:
                    out = f"{dense}-{layout}"
                    flags = ["--preset", "fast", "--outer", "2", "--density", "0.5", "--calibration-context", "64"]
                    flags += ["--calibration-text", text, "--layout", layout, "--out", out]
                    run("compress", dense, *flags)
                    check(out, context, trust_remote_code=layout != "merged")
            check_gradients(dense, context)
    assert seen == COMPRESSED
    families = len({name for name, _, _ in MODELS})
    print(f"ok: {len(MODELS)} models of {families} families, losses at most {largest:.2g} off, gradients {farthest:.2g}")


if __name__ == "__main__":
    main()
