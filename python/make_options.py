"""Writes `dsf_explorer/_options.py`: the options of the commands as types, for editors and type checkers.

    python python/make_options.py
"""

import importlib.util
import json
import pathlib
import sys
import textwrap

HERE = pathlib.Path(__file__).parent
FILE = HERE / "dsf_explorer" / "_options.py"

CLASSES = {
    "CompressOptions": ("compress", "Options of `compress`.", {"out"}),
    "FinetuneOptions": ("finetune", "Options of `finetune`.", {"out"}),
    "PerplexityOptions": ("perplexity", "Options of `perplexity`.", {"text"}),
    "AccuracyOptions": ("accuracy", "Options of `accuracy`.", {"images"}),
}


def native():
    """The installed package's native part; the package itself may want the file that is made here."""
    # Not the folder beside this file, which has none.
    folders = [pathlib.Path(folder) / "dsf_explorer" for folder in sys.path[1:]]
    [library, *_] = [file for folder in folders for file in folder.glob("_native*") if file.suffix != ".pyi"]
    spec = importlib.util.spec_from_file_location("dsf_explorer._native", library)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def type_of(option):
    if option["values"] and option["value"] != "bool":
        one = f"Literal[{', '.join(json.dumps(value) for value in option['values'])}]"
    else:
        one = {"bool": "bool", "int": "int", "float": "float", "path": "Path", "str": "str"}[option["value"]]
    if option["kind"] in ("yes", "no"):
        return "bool"
    if option["kind"] == "several":
        # Such as density_of={"down_proj": 0.4}.
        return f"{one} | list[{one}] | dict[str, float]" if "=" in option["help"] else f"{one} | list[{one}]"
    return one if one == "bool" or option["kind"] != "optional" else f"{one} | bool"


def members(options):
    for option in options:
        yield f"    {option['name']}: {type_of(option)}"
        text = " ".join(option["help"].split()).replace("\\", "\\\\")
        if option["kind"] == "no":
            text = f"False: {text[0].lower()}{text[1:]}"
        lines = textwrap.wrap(f'"""{text}."""' if not text.endswith(".") else f'"""{text}"""', 116)
        yield from (f"    {line}" for line in lines)


def made():
    """The text of the file."""
    module = native()

    def of(command):
        return [option for option in json.loads(module.options(command)) if option["flag"]]

    settings = json.loads(module.settings("published", "{}")).keys() - {"density"}
    lines = [
        '"""Options of commands, as types: written by `make_options.py` from the command line\'s own list."""',
        "",
        "from __future__ import annotations",
        "",
        "import os",
        "from typing import Literal, TypedDict",
        "",
        "Path = str | os.PathLike[str]",
        "",
        "",
        "class Settings(TypedDict, total=False):",
        '    """Settings of a run."""',
        "",
        *members(option for option in of("factorize") if option["name"] in settings),
    ]
    for name, (command, about, own) in CLASSES.items():
        options = [option for option in of(command) if option["name"] not in own | {"json"}]
        base, has = "TypedDict", {option["name"] for option in options}
        if settings <= has:
            base, options = "Settings", [option for option in options if option["name"] not in settings]
        lines += ["", "", f"class {name}({base}, total=False):", f'    """{about}"""', "", *members(options)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(made(), encoding="utf-8")
