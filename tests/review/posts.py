"""Invented posts in the shape that Quarto gives a page, long enough and varied enough to be reviewed."""

from __future__ import annotations

import json
import random

SUBJECTS = (
    "the validation error", "a wider network", "the smallest model", "our baseline", "weight decay", "label noise",
    "the learning-rate schedule", "early stopping", "the gap between train and test", "each additional seed",
    "the interpolation threshold", "a residual connection", "momentum", "the cosine schedule", "batch normalisation",
    "the kernel regime", "an over-parameterised model", "the Fourier feature map", "data augmentation",
)  # fmt: skip
VERBS = (
    "falls below", "tracks", "exceeds", "cannot explain", "depends on", "dominates", "is indistinguishable from",
    "recovers", "delays", "masks", "rises with", "is well predicted by", "disagrees with", "follows",
)  # fmt: skip
OBJECTS = (
    "the noise floor", "what theory predicts", "the number of parameters", "the test loss", "the reported value",
    "the effective dimension", "our second hypothesis", "the width at which the model interpolates",
    "the variance across seeds", "the spectrum of the features", "the largest eigenvalue of the Hessian",
    "the result of the original paper", "the curve for plain SGD", "the ratio of samples to parameters",
)  # fmt: skip
QUALIFIERS = (
    "once the width passes {n}", "in {k} of {m} seeds", "by {x} on average", "although the interval is wide",
    "when labels are flipped with probability {x}", "after {n} steps", "as @fig-{f} shows", "which we did not expect",
    "at a learning rate of {x}", "for every depth that we tried", "with a standard error of {x}", "on MNIST-1D",
    "if the optimiser is restarted at step {n}", "so that the effect cannot come from the initialisation",
)  # fmt: skip
OPENERS = (
    "", "", "", "Surprisingly, ", "In contrast, ", "Taken together, ", "As a control, ", "To our knowledge, ",
    "Looking closer, ", "At the same time, ", "By construction, ", "For small models, ", "For large models, ",
)  # fmt: skip
SECTIONS = (
    ("introduction", "Introduction"), ("sec-background", "Background"), ("sec-methods", "Methods"),
    ("sec-experiments", "Experiments"), ("analysis", "Analysis"), ("sec-ablation", "Ablations"),
    ("discussion", "Discussion and limitations"),
)  # fmt: skip


def _sentence(generator: random.Random) -> str:
    def value() -> str:
        qualifier = generator.choice(QUALIFIERS)
        return qualifier.format(
            n=generator.randrange(8, 4000), k=generator.randrange(2, 9), m=10, f="loss", x=f"{generator.random():.3f}"
        )

    words = f"{generator.choice(OPENERS)}{generator.choice(SUBJECTS)} {generator.choice(VERBS)} "
    words += f"{generator.choice(OBJECTS)} {value()}"
    if generator.random() < 0.4:
        words += f", and {generator.choice(SUBJECTS)} {generator.choice(VERBS)} {generator.choice(OBJECTS)}"
    if generator.random() < 0.25:
        words += f" ({value()})"
    return words[0].upper() + words[1:] + "."


def _paragraph(generator: random.Random) -> str:
    sentences = [_sentence(generator) for _ in range(generator.randrange(3, 7))]
    if generator.random() < 0.3:
        place = generator.randrange(len(sentences))
        sentences[place] = f"<em>{sentences[place]}</em>"
    if generator.random() < 0.3:
        sentences.append(
            "We write the loss as <math><mi>L</mi><mo>(</mo><mi>θ</mi><mo>)</mo></math> throughout this section."
        )
    return "<p>" + "\n".join(sentences) + "</p>"


def _equation(generator: random.Random, name: str, number: int) -> str:
    power = generator.randrange(2, 9)
    return (
        f'<p><span id="eq-{name}"><math display="block"><semantics><mrow><mi>L</mi><mo>=</mo><msup><mi>w</mi>'
        f"<mn>{power}</mn></msup><mo>+</mo><mi>λ</mi><mi>{name[0]}</mi></mrow>"
        f'<annotation encoding="application/x-tex">L = w^{power} + \\lambda {name[0]}</annotation></semantics></math>'
        f"<span>({number})</span></span></p>"
    )


def chart_data(generator: random.Random) -> list[dict[str, str | int | float]]:
    """The rows of an invented chart: loss by step and optimiser."""
    return [
        {"step": step, "optimizer": optimizer, "loss": round(generator.random() / (1 + step / 50), 4)}
        for optimizer in ("adam", "sgd")
        for step in range(0, 100, 10)
    ]


def _figure(generator: random.Random, name: str, number: int) -> str:
    rows = chart_data(generator)
    marks = "".join(f'<circle cx="{n * 12}" cy="{float(row["loss"]) * 80:.1f}" r="3"/>' for n, row in enumerate(rows))
    data = json.dumps({"data": {"values": rows}}).replace("<", "\\u003c")
    return (
        f'<div id="fig-{name}" class="quarto-figure"><figure data-blogkit-chart="{name}"><svg role="img" '
        f'viewBox="0 0 240 90"><title>Loss of {name}</title>{marks}</svg>'
        f'<script type="application/json" class="blogkit-chart-data">{data}</script>'
        f"<figcaption>Figure {number}: {_sentence(generator)}</figcaption></figure></div>"
    )


def _table(generator: random.Random, name: str, number: int) -> str:
    rows = "".join(
        f"<tr><td>{method}</td><td>{generator.random():.3f}</td><td>{generator.random():.3f}</td></tr>"
        for method in ("baseline", "weight decay", "dropout", "both")
    )
    return (
        f'<div id="tbl-{name}"><figure><figcaption>Table {number}: {_sentence(generator)}</figcaption><table>'
        f"<thead><tr><th>method</th><th>train error</th><th>test error</th></tr></thead><tbody>{rows}</tbody></table>"
        "</figure></div>"
    )


def invent_post(seed: int, *, author: str = "Ada Lovelace", head: str = "", extra: str = "") -> str:
    """A whole page, the same for the same seed."""
    generator = random.Random(seed)
    sections = []
    for number, (name, title) in enumerate(SECTIONS):
        level = "sec-" in name
        parts = [_paragraph(generator) for _ in range(generator.randrange(3, 6))]
        if name == "sec-background":
            parts.insert(2, _equation(generator, "loss", 1) + _equation(generator, "risk", 2))
        if name == "sec-experiments":
            parts.insert(1, _figure(generator, "loss", 1))
            parts.insert(3, _figure(generator, "error", 2))
        if name == "analysis":
            parts.insert(1, _table(generator, "errors", 1))
        if name == "sec-methods":
            items = "".join(f"<li>{_sentence(generator)}</li>" for _ in range(4))
            parts.append(
                f'<div class="callout callout-note" id="hypothesis"><p>{_sentence(generator)}</p></div><ul>{items}</ul>'
            )
        sections.append(
            f'<section id="{name}" class="level2"><h2 data-number="{number + 1}" class="anchored">{title}'
            f"{'<a class=anchorjs-link href=#></a>' if level else ''}</h2>\n" + "\n".join(parts) + "</section>"
        )
    body = "\n".join(sections)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Post {seed}</title>{head}</head><body>'
        '<main class="content" id="quarto-document-content"><header id="title-block-header">'
        f'<h1 class="title">What width does to post {seed}</h1><p class="author">{author}</p></header>\n'
        f"{body}\n{extra}</main></body></html>"
    )
