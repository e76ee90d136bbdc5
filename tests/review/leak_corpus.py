"""Leaks seeded into invented posts, and innocent look-alikes of leaks."""

from __future__ import annotations

import base64
import io
import json
import random
from dataclasses import dataclass

from PIL import Image, PngImagePlugin

from blogkit.review.roster import Person, Roster
from tests.review.posts import invent_post

AUTHORS = [
    Person(key="a1", name="Ada Lovelace", email="alovelace@mit.edu", project="width"),
    Person(key="a2", name="José Núñez García", email="jnunez7@mit.edu", project="width"),
    Person(key="a3", name="Wei Zhang", email="wzhang@mit.edu", project="other"),
    Person(key="a4", name="Anne-Marie O'Neill", email="oneill@mit.edu", project="width"),
    Person(key="a5", name="Max Planck", email="mplanck@mit.edu", project="quanta"),
]
ROSTER = Roster(people=tuple(AUTHORS))


@dataclass(frozen=True, kw_only=True)
class Seeded:
    """A page, and the words whose leak must be found in it."""

    html: str
    words: str


def picture(kind: str, note: str) -> bytes:
    """A small picture with a note in its metadata."""
    image, out = Image.new("RGB", (4, 3), (200, 10, 10)), io.BytesIO()
    if kind == "png":
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Author", note)
        image.save(out, "PNG", pnginfo=notes)
    elif kind == "png-compressed":
        notes = PngImagePlugin.PngInfo()
        notes.add_itxt("Comment", note, zip=True)
        image.save(out, "PNG", pnginfo=notes)
    elif kind == "svg":
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
            f"<dc:creator>{note}</dc:creator></metadata><path d='M0 0'/></svg>"
        ).encode()
    else:
        exif = Image.Exif()
        exif[0x013B] = note  # Artist
        exif[0x0110] = "PhonePro 12"
        image.save(out, {"jpeg": "JPEG", "webp": "WEBP"}[kind], exif=exif)
    return out.getvalue()


def _embedded(kind: str, note: str) -> str:
    types = {"png": "image/png", "png-compressed": "image/png", "svg": "image/svg+xml", "jpeg": "image/jpeg"}
    data = base64.b64encode(picture(kind, note)).decode()
    address = f"data:{types.get(kind, 'image/webp')};base64,{data}"
    return f'<figure id="fig-x"><img src="{address}" alt="A red square."></figure>'


def seeds() -> list[tuple[str, str]]:
    """(what is put before the end of the post, the words that must be found)."""
    chart = '<figure data-blogkit-chart="x" id="fig-x"><script type="application/json">{}</script></figure>'

    def in_chart(value: object) -> str:
        return chart.format(json.dumps(value).replace("<", "\\u003c"))

    found: list[tuple[str, str]] = []
    for name in (
        "Ada Lovelace", "ada lovelace", "Lovelace, Ada", "A. Lovelace", "ADA LOVELACE", "José Núñez García",
        "Jose Nunez Garcia", "Wei Zhang", "Zhang Wei", "Anne-Marie O'Neill", "Ada M. Lovelace", "Max Planck",
    ):  # fmt: skip
        found += [
            (f"<p>All experiments were run by {name} in the last week.</p>", name),
            (f'<p>See <img src="data:," alt="A photo of {name} at a desk."></p>', name),
            (f"<table><tr><td>{name}</td><td>0.2</td></tr></table>", name),
            (in_chart({"data": {"values": [{"who": name, "loss": 1}]}}), name),
            (f"<p>{name.replace(' ', ' <b>', 1)}</b> wrote the code.</p>", name),
            (f"<pre><code># author: {name}\nimport torch</code></pre>", name),
        ]
    for mail in ("alovelace@mit.edu", "jnunez7@csail.mit.edu", "someone.else@gmail.com", "ada+dl@uni-x.de"):
        found += [
            (f"<p>Questions to {mail} please.</p>", mail),
            (f'<p><a href="mailto:{mail}">Write to us</a></p>', mail),
            (in_chart({"title": f"made by {mail}"}), mail),
            (f"<!-- {mail} --><p>x</p>", mail),
        ]
    for hidden in ("alovelace [at] mit [dot] edu", "alovelace at mit dot edu", "ada (at) mit.edu"):
        found.append((f"<p>Contact: {hidden}</p>", hidden))
    for link in (
        "https://github.com/alovelace/width", "https://github.com/xk23q/width-experiments",
        "https://gitlab.com/lovelace-ada/post", "https://huggingface.co/jnunez7/tiny-model",
        "https://alovelace.github.io/post/", "https://colab.research.google.com/drive/1aBcD",
        "https://drive.google.com/file/d/1aBcD/view", "https://www.linkedin.com/in/some-body/",
        "https://orcid.org/0000-0002-1825-0097", "https://wandb.ai/xk23q/runs", "https://github.com/wei-zhang",
        "https://scholar.google.com/citations?user=abc", "https://people.example.edu/~alovelace/",
        "https://github.mit.edu/oneill/dl", "git@github.com:alovelace/width.git",
    ):  # fmt: skip
        found += [
            (f'<p>The code is <a href="{link}">here</a>.</p>', link),
            (in_chart({"usermeta": {"href": link}, "description": link}), link.removeprefix("git@")),
        ]
    for path in (
        "/home/alovelace/dl/run.py", "/Users/wzhang/post/x.png", "C:\\Users\\jnunez\\dl\\a.py", "/home/xk23q/data",
        "/scratch/xk23q/ckpt",
    ):  # fmt: skip
        user = path.replace("\\", "/").split("/")[2]
        found += [
            (f'<pre><code>Traceback (most recent call last):\n  File "{path}", line 3</code></pre>', user),
            (in_chart({"data": {"url": path}}), user),
            (f"<p>Saved to <code>{path}</code>.</p>", user),
        ]
    found += [
        ("<pre><code>alovelace@node07:~/dl$ python run.py</code></pre>", "alovelace"),
        ("<pre><code>xk23q@login.cluster.edu:/data$ ls</code></pre>", "xk23q"),
        (
            "<section id='contrib'><h2>Author contributions</h2><p>A.L. ran the sweep; JNG wrote it.</p></section>",
            "A.L.",
        ),
        ("<section id='ack'><h2>Acknowledgements</h2><p>Thanks to our friend Max Planck.</p></section>", "Max Planck"),
        ('<p title="drawn by Ada Lovelace">A title.</p>', "Ada Lovelace"),
        ('<svg role="img"><title>Loss, drawn by Ada Lovelace</title></svg>', "Ada Lovelace"),
        ('<p data-author="Ada Lovelace">x</p>', "Ada Lovelace"),
    ]
    for kind in ("png", "png-compressed", "jpeg", "webp", "svg"):
        for note in ("Ada Lovelace", "xk23q on cluster7"):
            found.append((_embedded(kind, note), note))
    return found


def seeded_posts() -> list[Seeded]:
    """One leak a post."""
    generator = random.Random(1)
    pages = []
    for number, (extra, words) in enumerate(seeds()):
        generator.random()
        pages.append(Seeded(html=invent_post(number % 9, author="Anonymous", extra=extra), words=words))
    return pages


INNOCENT = """
<p>We follow <span class="citation" data-cites="zhang2017">Zhang et al. (2017)</span> and the analysis
of Planck's law.</p>
<p>The optimiser is Adam, from <a href="https://github.com/pytorch/pytorch">PyTorch</a>; data from
<a href="https://github.com/greydanus/mnist1d">MNIST-1D</a> <span class="citation">[3]</span>.</p>
<p>The loss @fig-loss is evaluated at step 100 and at epoch 3. We call it f@k; precision@10 is 0.3.</p>
<pre><code>@dataclass
class Config: path: str = "/home/user/data"
x = a @ b.T  # matrix product
print("/usr/local/lib/python3.11/site-packages/torch/nn/modules/module.py")
!pip install git+https://github.com/huggingface/transformers
user@example.com</code></pre>
<p>Models from <a href="https://huggingface.co/gpt2">the hub</a>; see <a href="https://docs.python.org/3/">the
manual</a>, <a href="https://arxiv.org/abs/1611.03530">the paper</a> and <a href="https://distill.pub/2020/x">Distill</a>.</p>
<p>Contributions: both authors ran experiments and wrote. The Lovelace number and Wei's theorem play no part.</p>
<div id="refs"><div class="csl-entry">Zhang, Wei, and Ada Lovelace. 2017. “Understanding.”
<a href="https://github.com/someone/code">Code</a>. <a href="https://orcid.org/0000-0002-1825-0097">ORCID</a></div></div>
"""


def innocent_posts(count: int = 10) -> list[str]:
    """Posts without a leak, full of things that look like one."""
    return [invent_post(seed, author="Anonymous", extra=INNOCENT) for seed in range(count)]
