"""Writes the parts of the documentation that come from the code: ``python docs/generate.py`` (``make docs``).

The command line gives ``reference.qmd``, the dataclasses of the files that users write give the tables of their keys,
the rules give their table, and the import-linter contract gives the layer diagram. A test compares what is committed
with what the code says now.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import json
import pkgutil
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

HERE = Path(__file__).resolve().parent
MADE = "Made by docs/generate.py; a change here is overwritten."


def generate() -> dict[str, str]:
    """Every generated file: its name in docs/, and its text."""
    from blogkit.check.profile import Profile
    from blogkit.model import Cluster, SiteConfig, Sweep

    layers = read_layers()
    return {
        "reference.qmd": reference(),
        "_sweep-keys.md": keys_table(Sweep),
        "_site-keys.md": keys_table(SiteConfig),
        "_cluster-keys.md": keys_table(Cluster),
        "_profile-keys.md": keys_table(Profile),
        "_rules.md": rules_table(),
        "gallery.qmd": gallery(),
        "library.qmd": library(),
        "../blogkit/schemas/sweep.schema.json": sweep_schema(),
        "../blogkit/schemas/front-matter.schema.json": front_matter_schema(),
        "layers.svg": drawing(layers, standalone=True),
        "_layers.md": f"```{{=html}}\n{drawing(layers, standalone=False)}```\n",
    }


def main() -> None:
    """Writes what differs, and says which."""
    for name, text in generate().items():
        path = HERE / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"docs/{name}\n")
    for name in draw_gallery():
        sys.stdout.write(f"docs/gallery/{name}.svg\n")


# --- the command line ------------------------------------------------------------------------------------------------


def app_command() -> Any:
    """The whole command line as a tree of click commands."""
    import typer

    from blogkit import cli

    for module in pkgutil.iter_modules(cli.__path__):
        importlib.import_module(f"blogkit.cli.{module.name}")
    return typer.main.get_command(cli.app)


def commands(command: Any, name: str = "blogkit") -> Iterator[tuple[str, Any]]:
    """Every command below a group, with its full name, in the order of the alphabet."""
    for key, one in sorted(getattr(command, "commands", {}).items()):
        if one.hidden:
            continue
        yield f"{name} {key}", one
        yield from commands(one, f"{name} {key}")


def reference() -> str:
    """The page of all commands."""
    app = app_command()
    parts = [
        "---",
        'title: "Commands"',
        'description: "Every command of blogkit with its arguments and options."',
        "toc-depth: 3",
        "---",
        "",
        f"<!-- {MADE} -->",
        "",
        "The same text is in the terminal: `blogkit --help`, and `blogkit COMMAND --help` for one command. Results go",
        "to standard output; progress and error messages go to standard error.",
        "",
        *_options("blogkit", app),
    ]
    for name, command in commands(app):
        depth = "##" if name.count(" ") == 1 else "###"
        identity = name.removeprefix("blogkit ").replace(" ", "-")
        parts += [f"{depth} {name} {{#{identity}}}", "", _prose(command.help or ""), "", *_options(name, command)]
    return "\n".join(parts).rstrip() + "\n"


def _options(name: str, command: Any) -> list[str]:
    context = command.context_class(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    rows = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None or "--help" in parameter.opts:
            continue
        word = re.sub(r" <list\[\w+\]>$", " …" if parameter.param_type_name == "option" else "", record[0])
        rows.append(f"| {_code(word)} | {_cell(record[1])} |")
    table = ["| argument or option | what it says |", "|---|---|", *rows, "", ': {tbl-colwidths="[38,62]"}', ""]
    return ["```text", usage, "```", "", *(table if rows else [])]


def _prose(text: str) -> str:
    return "\n".join(textwrap.wrap(" ".join(text.split()), 118))


def _code(text: str) -> str:
    return f"`{text}`"  # pandoc's tables take a pipe inside code as it is


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("[", "\\[").replace("<", "\\<")


# --- the files that users write --------------------------------------------------------------------------------------

_WORDS = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "list[int]": "list of whole numbers",
    "list[str]": "list of texts",
    "list[Any]": "a list of values",
    "Any": "a value",
    "Severity": "error, warning, advice or off",
}


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key of a file."""

    name: str
    holds: str
    """What is written there, in words, with the default."""
    meaning: str


_LIBRARY = ("blogkit.record", "blogkit.runs", "blogkit.charts", "blogkit.intervals")
"""What a notebook imports."""


def library() -> str:
    """The page of what notebooks import, from its docstrings."""
    parts = [
        "---",
        'title: "Library"',
        'description: "What a notebook imports from blogkit: record, runs, charts, intervals."',
        "---",
        "",
        f"<!-- {MADE} -->",
        "",
    ]
    for name in _LIBRARY:
        module = importlib.import_module(name)
        names = getattr(module, "__all__", None) or [key for key in vars(module) if not key.startswith("_")]
        parts += [f"## {name} {{#{name.replace('.', '-')}}}", "", _prose_of(module.__doc__), ""]
        for key in names:
            value = getattr(module, key)
            home = str(getattr(value, "__module__", ""))
            if inspect.isfunction(value) and home.startswith(name):
                sheet = _signature(value)
                parts += [f"### {name.rpartition('.')[2]}.{key}", "", f"`{key}{sheet}`", ""]
                parts += [_prose_of(value.__doc__), ""]
    return "\n".join(parts).rstrip() + "\n"


def _signature(function: Any) -> str:
    """A function's arguments, as they are written."""
    arguments = [str(one) for one in inspect.signature(function).parameters.values()]
    kinds = [one.kind for one in inspect.signature(function).parameters.values()]
    if inspect.Parameter.KEYWORD_ONLY in kinds:
        arguments.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    return re.sub(r": '([^']*)'", r": \1", f"({', '.join(arguments)})")


def _prose_of(text: str | None) -> str:
    """A docstring as Markdown: its code blocks fenced, its names in single backticks."""
    out: list[str] = []
    code = False
    for line in inspect.cleandoc(text or "").splitlines():
        if code and line and not line.startswith("    "):
            out += ["```", ""]
            code = False
        if code:
            out.append(line.removeprefix("    "))
        elif line.endswith("::"):
            begun = line.removesuffix("::").rstrip()
            out += [f"{begun}:" if begun else "", "", "<!-- not run: a part of a notebook -->", "```python"]
            code = True
        else:
            out.append(
                re.sub(r":\w+:`~?([^`]*)`", r"`\1`", line)
                .replace("``", "`")
                .replace("{{<", "{{{<")
                .replace(">}}", ">}}}")
            )
    while out and not out[-1]:
        out.pop()
    return (
        "\n".join([*out, "```"] if code else out)
        .replace("```python\n\n", "```python\n")
        .replace("\n\n```\n", "\n```\n")
    )


def sweep_schema() -> str:
    """A JSON schema of ``sweep.yml``, from which editors complete and check."""
    from blogkit.model import Sweep

    return _schema_text(_described_schema(Sweep), "sweep.yml of blogkit: which runs the evidence needs")


def front_matter_schema() -> str:
    """A JSON schema of a post's front matter: what blogkit reads beside what Quarto allows."""
    text = {"type": "string"}
    texts = {"anyOf": [text, {"type": "array", "items": text}]}
    known: dict[str, tuple[str, Any]] = {
        "title": ("The title of the post.", text),
        "subtitle": ("Stands below the title.", text),
        "description": ("One to three sentences, for listings, search engines and previews.", text),
        "abstract": ("Stands above the text; it counts as no words of it.", text),
        "author": ("Names, or entries with name, email, orcid, affiliation.", {}),
        "date": ("The day of the post, as 2026-11-28.", {"anyOf": [text, {"type": "integer"}]}),
        "categories": ("The post is listed under each.", texts),
        "image": ("The picture of the post in listings, a path from the post.", text),
        "bibliography": ("Files of references, paths from the post.", texts),
        "draft": ("Whether the post is left out of the site and of what is published.", {"type": "boolean"}),
        "metadata-files": ("YAML files whose keys count as written here, such as results/values.yml.", texts),
        "toc": ("Whether the page has an outline.", {"type": "boolean"}),
    }
    waive = {
        "type": "object",
        "description": "Rules that do not count for this post, each with the reason: `blogkit check --explain all`.",
        "additionalProperties": text,
    }
    properties = {name: {"description": meaning, **holds} for name, (meaning, holds) in known.items()}
    properties["blogkit"] = {
        "type": "object",
        "description": "What blogkit reads of a post.",
        "properties": {"waive": waive},
        "additionalProperties": False,
    }
    return _schema_text({"type": "object", "properties": properties}, "The front matter of a post")


def _schema_text(schema: Mapping[str, Any], title: str) -> str:
    whole = {"$schema": "http://json-schema.org/draft-07/schema#", "title": title, **schema}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _described_schema(kind: type[Any]) -> dict[str, Any]:
    """The schema of a dataclass that is read from YAML, with the meaning of each key."""
    hints, said = get_type_hints(kind), meanings(kind)
    properties = {}
    for field in dataclasses.fields(kind):
        meaning = " ".join(said.get(field.name, "").replace("``", "`").split())
        properties[field.name] = {"description": meaning, **_type_schema(hints[field.name])}
    # An empty file, or an empty key, is what its default says.
    return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}


def _type_schema(hint: Any) -> dict[str, Any]:
    plain: dict[Any, dict[str, Any]] = {
        str: {"type": "string"}, int: {"type": "integer"}, float: {"type": "number"}, bool: {"type": "boolean"},
        type(None): {"type": "null"}, Any: {},
    }  # fmt: skip
    if hint in plain:
        return plain[hint]
    if dataclasses.is_dataclass(hint):
        return _described_schema(hint if isinstance(hint, type) else type(hint))
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is list:
        return {"type": "array", "items": _type_schema(arguments[0])}
    if origin in (dict, Mapping):
        return {"type": ["object", "null"], "additionalProperties": _type_schema(arguments[1])}
    return {"anyOf": [_type_schema(one) for one in arguments]}


def keys_table(kind: type[Any]) -> str:
    """The keys of a dataclass that is read from YAML, nested ones with their path, as a table."""
    rows = [f"| `{key.name}` | {key.meaning} *{key.holds}* |" for key in keys(kind)]
    head = ["| key | what it says |", "|---|---|"]
    return "\n".join([f"<!-- {MADE} -->", "", *head, *rows, "", ': {tbl-colwidths="[32,68]"}']) + "\n"


def keys(kind: type[Any], prefix: str = "") -> Iterator[Key]:
    """Each key of a dataclass, then the keys within it."""
    hints, said = get_type_hints(kind), meanings(kind)
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        inner = [one for one in (hint, *get_args(hint)) if dataclasses.is_dataclass(one)]
        named = prefix + field.name
        written = inspect.get_annotations(kind)[field.name]
        meaning = _cell(said.get(field.name, "").replace("``", "`"))
        holds = _in_words(written)
        yield Key(name=named, holds=f"{holds[0].upper()}{holds[1:]}{_default(field)}.", meaning=meaning)
        for one in inner:
            below = f"{named}.NAME" if get_origin(hint) is Mapping else named
            assert isinstance(one, type)
            yield from keys(one, f"{below}.")


def meanings(kind: type[Any]) -> dict[str, str]:
    """The text that stands under each field of a dataclass in its source."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found = {}
    for field, text in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            found[field.target.id] = str(text.value.value)
    return found


def _in_words(annotation: str) -> str:
    words = []
    for part in annotation.split(" | "):
        if part == "None":
            continue
        mapped = re.fullmatch(r"Mapping\[str, (.+)\]", part)
        if mapped:
            words.append(f"names, each with {_WORDS.get(mapped[1], 'a group of keys')}")
        else:
            words.append(_WORDS.get(part, "a group of keys"))
    return " or ".join(words)


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is dataclasses.MISSING:
        return ", required" if field.default_factory is dataclasses.MISSING else ""
    return "" if field.default is None else f", by default `{field.default}`"


# --- the rules -------------------------------------------------------------------------------------------------------


def rules_table() -> str:
    """Every rule of ``blogkit check``, and how much it weighs in each bundled profile."""
    from blogkit import check

    profiles = [check.load(name) for name in check.bundled_profiles()]
    rows = []
    for rule in check.all_rules().values():
        weights: dict[str, list[str]] = {}
        for profile in profiles:
            level = profile.level(rule.name)
            if level is not None:
                weights.setdefault(level.value, []).append(profile.name)
        weight = ". ".join(f"{level.capitalize()}: {', '.join(names)}" for level, names in weights.items())
        rows.append(f"| {rule.code} `{rule.name}` | {_cell(rule.says)} *{weight}.* |")
    head = ["| rule | what must hold, and how much it weighs |", "|---|---|"]
    return "\n".join([f"<!-- {MADE} -->", "", *head, *rows, "", ': {tbl-colwidths="[32,68]"}']) + "\n"


# --- the gallery -----------------------------------------------------------------------------------------------------

GALLERY = (
    "learning_curves", "metric_over_axis", "paired", "scaling_law", "heat_map", "run_explorer", "film", "decision",
    "tiles", "confusion", "examples", "embedding", "distribution", "landscape", "network", "annotate",
)  # fmt: skip
"""The builders that are drawn, in this order."""


def gallery() -> str:
    """The page with every builder: what it is for, the code of its docstring's example, and what that draws."""
    parts = [
        "---",
        'title: "Gallery"',
        'description: "Every builder of blogkit.charts, drawn, with its code."',
        "---",
        "",
        f"<!-- {MADE} -->",
        "",
        "Each figure is drawn by the code above it, from made-up data of `charts.samples`; give your own instead. What",
        "a builder returns is an Altair chart, to be changed, layered and put beside others. `record.chart` makes a",
        "figure of your post of it. Point at a figure to wake it.",
        "",
    ]
    for name in GALLERY:
        said, code = builder_example(name)
        identity = name.replace("_", "-")
        caption = said.split(": ")[0].split(". ")[0].rstrip(".")
        parts += [f"## {name.replace('_', ' ').capitalize()} {{#{identity}}}", "", _prose(said.replace("``", "`")), ""]
        parts += ["<!-- not run: a test runs the example of every docstring -->", "```python", code, "```", ""]
        parts += [f"![{' '.join(caption.split())}.](gallery/{name}.svg){{#fig-{identity}}}", ""]
    return "\n".join(parts).rstrip() + "\n"


def builder_example(name: str) -> tuple[str, str]:
    """What a builder's docstring says it is for, and the code of its example."""
    import doctest

    from blogkit import charts

    text = inspect.getdoc(getattr(charts, name)) or ""
    steps = [one.source for one in doctest.DocTestParser().get_examples(text)]
    code = "".join(step for step in steps if re.match(r"from |import |\w+ = ", step))
    said = text.partition(">>>")[0].strip()
    return "\n\n".join(said.split("\n\n")[:1]), code.strip()


def draw_gallery() -> Iterator[str]:
    """Draws each builder's example, and gives the names of the drawings that changed."""
    from blogkit.gather.charts import specification_text, without_runs
    from blogkit.kernel.altair import specification
    from blogkit.page.drawing import optimise
    from blogkit.tools.vega import compile_vega, draw_svg

    folder = HERE / "gallery"
    folder.mkdir(exist_ok=True)
    for name in GALLERY:
        _, code = builder_example(name)
        names: dict[str, Any] = {}
        exec(code, names)  # noqa: S102 - our own docstring
        spec = without_runs(specification(names["chart"]))
        spec["usermeta"] = {"blogkit": {"code": code}}
        drawn = optimise(draw_svg(compile_vega(spec)), prefix=f"bk-{name}")
        path = folder / f"{name}.svg"
        if not path.is_file() or path.read_text(encoding="utf-8") != drawn:
            path.write_text(drawn, encoding="utf-8")
            yield name
        path.with_suffix(".vl.json").write_text(specification_text(spec), encoding="utf-8")


# --- the layers ------------------------------------------------------------------------------------------------------

WIDTH, BOX, GAP, ROW = 480, 88, 6, 30
"""Pixels of the drawing's own coordinates: its width, a box's width, between boxes, a box's height."""


def read_layers() -> list[list[str]]:
    """The layers of the import-linter contract, highest first; each is its modules."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [[module.strip(" ()") for module in re.split(r"[|:]", layer)] for layer in layers]


def described(layers: Sequence[Sequence[str]]) -> str:
    """The diagram in words, for those who do not see it."""
    return "Layers, highest first: " + "; ".join(", ".join(layer) for layer in layers) + "."


def drawing(layers: Sequence[Sequence[str]], *, standalone: bool) -> str:
    """The layers as an SVG in the colour of the text around it; a file on its own follows the reader's system."""
    shapes: list[str] = []
    top = 1
    for number, layer in enumerate(layers):
        if number:
            middle = WIDTH // 2
            shapes.append(f'<path d="M{middle} {top}v14m-4 -5l4 5l4 -5" fill="none" stroke="currentColor"/>')
            top += 18
        rows = [layer[start : start + 5] for start in range(0, len(layer), 5)]
        height = len(rows) * (ROW + GAP) + GAP
        shapes.append(
            f'<rect x="1" y="{top}" width="{WIDTH - 2}" height="{height}" rx="6"'
            ' fill="currentColor" fill-opacity="0.05" stroke="currentColor" stroke-opacity="0.3"/>'
        )
        for row, modules in enumerate(rows):
            left = (WIDTH - len(modules) * (BOX + GAP) + GAP) // 2
            for column, module in enumerate(modules):
                x, y = left + column * (BOX + GAP), top + GAP + row * (ROW + GAP)
                shapes.append(
                    f'<rect x="{x}" y="{y}" width="{BOX}" height="{ROW}" rx="4" fill="none" stroke="currentColor"/>'
                )
                shapes.append(
                    f'<text x="{x + BOX // 2}" y="{y + 20}" text-anchor="middle" fill="currentColor">'
                    f"{escape(module)}</text>"
                )
        top += height + 4
    style = "<style>@media (prefers-color-scheme: dark) { svg { color: #e6e6e6 } }</style>\n" if standalone else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" role="img" class="layers"'
        f' aria-label="{escape(described(layers))}" font-family="inherit" font-size="14"'
        f' style="width: 100%; max-width: {WIDTH}px; height: auto">\n{style}' + "\n".join(shapes) + "\n</svg>\n"
    )


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    main()
