"""Makes `expected.json` beside this: folders of small tokenizers, and the tokens that transformers makes of texts.

    pip install transformers tokenizers && python make.py

The file here was made with transformers 5.24 and tokenizers 0.23.3.
"""

import json
import tempfile
from pathlib import Path

from transformers import AutoTokenizer

TOKENS = ["<s>", "</s>", "<unk>", *"abcdefghijklmnopqrstuvwxyz0123456789.,!'ĠĊ▁"]
MERGES = ["t h", "th e", "Ġ the", "▁ the", "f o", "fo x", "Ġ fox", "▁ fox", "1 2"]
VOCABULARY = {token: at for at, token in enumerate(TOKENS + [merge.replace(" ", "") for merge in MERGES])}


def special(at):
    return dict(id=at, content=TOKENS[at], single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)


def template(at):
    piece = {"SpecialToken": {"id": TOKENS[at], "type_id": 0}}
    return dict(
        type="TemplateProcessing",
        single=[piece, {"Sequence": {"id": "A", "type_id": 0}}],
        pair=[{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        special_tokens={TOKENS[at]: dict(id=TOKENS[at], ids=[at], tokens=[TOKENS[at]])},
    )


def tokenizer(**parts):
    model = dict(type="BPE", unk_token=None, fuse_unk=False, byte_fallback=False, vocab=VOCABULARY, merges=MERGES)
    file = dict(version="1.0", truncation=None, padding=None, added_tokens=[special(0), special(1), special(2)],
                normalizer=None, pre_tokenizer=None, post_processor=None, decoder=None, model=model)
    return file | parts


BYTES = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True)
LEGACY = dict(type="Sequence", normalizers=[
    dict(type="Prepend", prepend="▁"), dict(type="Replace", pattern=dict(String=" "), content="▁"),
])


def split(pattern):
    parts = [dict(type="Split", pattern=dict(Regex=pattern), behavior="Isolated", invert=False),
             BYTES | dict(use_regex=False)]
    return dict(type="Sequence", pretokenizers=parts)


def token(content, **flags):
    return dict(content=content, lstrip=False, rstrip=False, single_word=False, normalized=False, special=False) | flags


BYTE_FILE, PIECE_FILE = tokenizer(pre_tokenizer=BYTES), tokenizer(normalizer=LEGACY, post_processor=template(0))
NAMES = dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>")
# What is tested, the kind of model, tokenizer_config.json, tokenizer.json, other files.
CASES = [
    ("the file alone", "llama", None, BYTE_FILE, {}),
    ("a line's end in a pattern", "llama", None, tokenizer(pre_tokenizer=split(r"fox$")), {}),
    ("the file's class", "llama", dict(tokenizer_class="PreTrainedTokenizerFast"), PIECE_FILE, {}),
    ("LlamaTokenizer", "llama", dict(tokenizer_class="LlamaTokenizer") | NAMES, PIECE_FILE, {}),
    ("LlamaTokenizer, legacy", "llama", dict(tokenizer_class="LlamaTokenizer", legacy=True) | NAMES, PIECE_FILE, {}),
    ("LlamaTokenizer without a space in front", "llama",
     dict(tokenizer_class="LlamaTokenizerFast", add_prefix_space=False), PIECE_FILE, {}),
    ("LlamaTokenizer of bytes", "llama", dict(tokenizer_class="LlamaTokenizer"), BYTE_FILE, {}),
    ("LlamaTokenizer of a Mistral", "mistral", dict(tokenizer_class="LlamaTokenizer"), PIECE_FILE, {}),
    ("the configuration's beginning is the file's", "llama",
     dict(tokenizer_class="LlamaTokenizer", add_bos_token=False, add_eos_token=True) | NAMES, PIECE_FILE, {}),
    ("CodeLlamaTokenizer", "llama", dict(tokenizer_class="CodeLlamaTokenizer") | NAMES, tokenizer(normalizer=LEGACY), {}),
    ("GemmaTokenizer", "gemma", dict(tokenizer_class="GemmaTokenizer") | NAMES, PIECE_FILE, {}),
    ("GPT2Tokenizer", "gpt2", dict(tokenizer_class="GPT2Tokenizer", add_prefix_space=True), BYTE_FILE, {}),
    ("CodeGenTokenizer", "codegen", dict(tokenizer_class="CodeGenTokenizer"), tokenizer(), {}),
    ("GPTNeoXTokenizer", "gpt_neox", dict(tokenizer_class="GPTNeoXTokenizer") | NAMES,
     tokenizer(post_processor=template(0)), {}),
    ("CohereTokenizer", "cohere", dict(tokenizer_class="CohereTokenizer"), tokenizer(), {}),
    ("Qwen 2 has its own class whatever is named", "qwen2", dict(tokenizer_class="PreTrainedTokenizerFast"), tokenizer(), {}),
    ("Qwen 3 without a class", "qwen3", None, tokenizer(), {}),
    ("added_tokens.json", "llama", dict(NAMES), BYTE_FILE, {"added_tokens.json": {"over": 60, "</s>": 1, "dog": 54}}),
    ("added_tokens_decoder", "llama", dict(NAMES, added_tokens_decoder={
        "1": token("</s>", lstrip=True, special=True), "70": token("over", rstrip=True), "60": token("dog", single_word=True),
    }), BYTE_FILE, {}),
    ("special_tokens_map.json", "llama", dict(tokenizer_class="PreTrainedTokenizerFast"), BYTE_FILE,
     {"special_tokens_map.json": {"pad_token": {"content": "dog", "lstrip": True, "rstrip": False,
                                                "single_word": False, "normalized": False}}}),
    ("special tokens without a name", "llama", dict(extra_special_tokens=["over", "dog"]), BYTE_FILE, {}),
    ("special tokens that are split", "llama", dict(NAMES, split_special_tokens=True), BYTE_FILE, {}),
    ("vocab.json and merges.txt", "gpt2", dict(tokenizer_class="GPT2Tokenizer", add_bos_token=True) | NAMES, None,
     {"vocab.json": VOCABULARY, "merges.txt": "#version: 0.2\n" + "\n".join(MERGES) + "\n"}),
]
TEXTS = ["the fox over the dog!\nthe fox", " over 123<s> the</s>dog dogs  <unk>the don't"]

expected = []
for what, kind, config, file, others in CASES:
    files = {"config.json": {"model_type": kind}} | others
    if config is not None:
        files["tokenizer_config.json"] = config
    if file is not None:
        files["tokenizer.json"] = file
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_text(content if isinstance(content, str) else json.dumps(content))
        made = AutoTokenizer.from_pretrained(folder)
        tokens = [made(text)["input_ids"] for text in TEXTS]
    expected.append(dict(what=what, files=files, tokens=tokens))
with open(Path(__file__).with_name("expected.json"), "w") as out:
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in expected)
    out.write(f'{{"texts": {json.dumps(TEXTS)}, "cases": [\n{lines}\n]}}\n')
