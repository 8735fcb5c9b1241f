"""Makes the small random models of this folder, and their logits by Hugging Face transformers.

    pip install torch transformers tokenizers && python make.py

The files here were made with transformers 5.23 and torch 2.15.
"""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

SIZES = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, vocab_size=40, max_position_embeddings=64)
WORDS = [f"w{i}" for i in range(38)]

MODELS = {
    # Llama 3's frequencies, heads shared and wider than hidden / heads, biases everywhere, a head of its own.
    "llama3": (LlamaForCausalLM, LlamaConfig(
        **SIZES, num_attention_heads=4, num_key_value_heads=2, head_dim=8, attention_bias=True, mlp_bias=True,
        tie_word_embeddings=False, rms_norm_eps=1e-5, rope_theta=500.0,
        rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                          original_max_position_embeddings=32),
    ), torch.float32),
    # Mistral's name for the same network, in bfloat16, tied, positions stretched.
    "mistral": (MistralForCausalLM, MistralConfig(
        **SIZES, num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=True, sliding_window=None,
        rope_theta=10000.0, rope_scaling=dict(rope_type="linear", factor=2.0),
    ), torch.bfloat16),
}

for name, (kind, config, dtype) in MODELS.items():
    torch.manual_seed(7)
    model = kind(config).eval()
    with torch.no_grad():
        for key, tensor in model.named_parameters():
            tensor.normal_(1.0 if "norm" in key else 0.0, 0.2 if "norm" in key or "bias" in key else 0.4)
    model = model.to(dtype)
    model.save_pretrained(name)
    tokenizer = Tokenizer(models.WordLevel({"<s>": 0, "<unk>": 1} | {w: i + 2 for i, w in enumerate(WORDS)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer.save(f"{name}/tokenizer.json", pretty=False)
    # The weights as stored, computed in f32.
    model = kind.from_pretrained(name, dtype=torch.float32).eval()
    text = " ".join(f"w{(7 * i * i + 3 * i) % 38}" for i in range(31))
    ids = torch.tensor([tokenizer.encode(text).ids])
    with torch.no_grad():
        out = model(ids, labels=ids)
    Path(name, "generation_config.json").unlink(missing_ok=True)
    expected = dict(text=text, loss=out.loss.item(), first=out.logits[0, 0].tolist(), last=out.logits[0, -1].tolist())
    Path(name, "expected.json").write_text(json.dumps(expected))
