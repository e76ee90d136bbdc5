"""Every way in which a page can reach the network is reported from its source, and what only looks like one is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from blogkit.check import check_path, load
from tests.check.pages import page, submission

PROFILE = load("mit-6.7960")


@dataclass(frozen=True)
class Trap:
    name: str
    end: str
    head: str
    more: Mapping[str, str | bytes] = field(default_factory=dict)


def trap(name: str, end: str, *, head: str = "", more: Mapping[str, str | bytes] | None = None) -> Trap:
    return Trap(name, end, head, more or {})


def said(tmp_path: Path, one: Trap) -> list[str]:
    """What is said of a page with this in it, about addresses."""
    html = page(end=one.end).replace('<meta charset="utf-8">', f'<meta charset="utf-8">{one.head}', 1)
    report = check_path(submission(tmp_path / "post", html, dict(one.more)), profile=PROFILE)
    return [f"{found.code} {found.message}" for found in report.standing if found.code in {"BK102", "BK103", "BK123"}]


LOADS = [
    trap('img data-src lazy', '<p><img data-src="https://cdn.host.edu/a.png" alt="x" width="9" src="data:image/gif;base64,R0lGODlhAQABAAAAACw="></p>'),
    trap('img data-src lazy no ext', '<p><img data-src="https://cdn.host.edu/image/1234" alt="x" width="9" src="data:image/gif;base64,R0lGODlhAQABAAAAACw="></p>'),
    trap('data-srcset', '<p><img data-srcset="https://cdn.host.edu/a.png 1x, https://cdn.host.edu/b.png 2x" alt="x" width="9" src="data:image/gif;base64,R0lGODlhAQABAAAAACw="></p>'),
    trap('data-lazy-src', '<p><img data-lazy-src="https://cdn.host.edu/a.png" alt="x" width="9" src="data:image/gif;base64,R0lGODlhAQABAAAAACw="></p>'),
    trap('srcset', '<p><img srcset="https://cdn.host.edu/a.png 2x" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" alt="x" width="9"></p>'),
    trap('srcset no space comma', '<p><img srcset="data:image/gif;base64,AAAA 1x,https://cdn.host.edu/a.png 2x" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" alt="x" width="9"></p>'),
    trap('picture source srcset', '<picture><source srcset="https://cdn.host.edu/a.webp"><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" alt="x" width="9"></picture>'),
    trap('css image-set', '<style>p{background:image-set("https://cdn.host.edu/a.png" 1x, "https://cdn.host.edu/b.png" 2x)}</style>'),
    trap('css -webkit-image-set url', '<style>p{background:-webkit-image-set(url(https://cdn.host.edu/a.png) 1x)}</style>'),
    trap('font-face', '<style>@font-face{font-family:X;src:url("https://cdn.host.edu/a.woff2") format("woff2")}</style>'),
    trap('import no url', '<style>@import "https://cdn.host.edu/a.css";</style>'),
    trap('import url', '<style>@import url(https://cdn.host.edu/a.css) screen;</style>'),
    trap('inline style', '<p style="background:url(https://cdn.host.edu/a.png)">x</p>'),
    trap('inline style entity', '<p style="background:url(&quot;https://cdn.host.edu/a.png&quot;)">x</p>'),
    trap('css escaped scheme', '<style>p{background:url(https\\3a //cdn.host.edu/a.png)}</style>'),
    trap('svg use', '<svg width="9" height="9" aria-hidden="true"><use href="https://cdn.host.edu/i.svg#a"/></svg>'),
    trap('svg image', '<svg width="9" height="9" aria-hidden="true"><image xlink:href="https://cdn.host.edu/i.png"/></svg>'),
    trap('svg fill url', '<svg width="9" height="9" aria-hidden="true"><rect fill="url(https://cdn.host.edu/i.svg#g)" width="9" height="9"/></svg>'),
    trap('object', '<object data="https://cdn.host.edu/a.svg"></object>'),
    trap('embed', '<embed src="https://cdn.host.edu/a.pdf">'),
    trap('meta refresh', '', head='<meta http-equiv="refresh" content="5; url=https://cdn.host.edu/">'),
    trap('base href remote', '', head='<base href="https://cdn.host.edu/">'),
    trap('preload', '', head='<link rel="preload" as="font" href="https://cdn.host.edu/a.woff2">'),
    trap('modulepreload', '', head='<link rel="modulepreload" href="https://cdn.host.edu/a.js">'),
    trap('dns-prefetch', '', head='<link rel="dns-prefetch" href="//cdn.host.edu">'),
    trap('preconnect', '', head='<link rel="preconnect" href="https://cdn.host.edu">'),
    trap('alternate stylesheet', '', head='<link rel="alternate stylesheet" title="x" href="https://cdn.host.edu/a.css">'),
    trap('link rel shortcut icon', '', head='<link rel="shortcut icon" href="https://cdn.host.edu/a.ico">'),
    trap('import map', '<script type="importmap">{"imports":{"d3":"https://cdn.host.edu/d3.js"}}</script>'),
    trap('dynamic import', '<script>import("https://cdn.host.edu/d3.js").then(x=>x)</script>'),
    trap('static import in module', '<script type="module">import * as d3 from "https://cdn.host.edu/d3/+esm"; d3</script>'),
    trap('bare side-effect import', '<script type="module">import "https://cdn.host.edu/x"</script>'),
    trap('worker', '<script>new Worker("https://cdn.host.edu/w.js")</script>'),
    trap('websocket', '<script>new WebSocket("wss://host.edu/s")</script>'),
    trap('beacon', '<script>navigator.sendBeacon("https://cdn.host.edu/log", "x")</script>'),
    trap('eventsource', '<script>new EventSource("https://cdn.host.edu/s")</script>'),
    trap('inline handler fetch', '<button onclick="fetch(\'https://cdn.host.edu/a.json\')">Go</button>'),
    trap('inline handler img', '<img alt="x" width="9" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" onload="this.src=\'https://cdn.host.edu/a.png\'">'),
    trap('javascript: href', '<a href="javascript:fetch(\'https://cdn.host.edu/a.json\')">Go</a>'),
    trap('vega data url', '<script type="application/json">{"data":{"url":"https://cdn.host.edu/cars.json"},"mark":"bar"}</script>'),
    trap('vega in js', '<script>const spec={"data":{"url":"https://cdn.host.edu/cars.json"}}</script>'),
    trap('vega image mark url', '<script type="application/json">{"mark":"image","encoding":{"url":{"value":"https://cdn.host.edu/a.png"}},"data":{"values":[]}}</script>'),
    trap('vega topojson', '<script type="application/json">{"data":{"url":"https://cdn.host.edu/world-110m.json","format":{"type":"topojson"}}}</script>'),
    trap('srcdoc', '<iframe title="x" srcdoc="&lt;img src=&quot;https://cdn.host.edu/a.png&quot;&gt;"></iframe>'),
    trap('iframe', '<iframe title="x" src="https://cdn.host.edu/"></iframe>'),
    trap('video poster', '<video poster="https://cdn.host.edu/a.png" width="9"></video>'),
    trap('track', '<video width="9"><track src="https://cdn.host.edu/a.vtt"></video>'),
    trap('audio source', '<audio><source src="https://cdn.host.edu/a.mp3"></audio>'),
    trap('mathjax config', '<script>window.MathJax={loader:{paths:{mathjax:"https://cdn.host.edu/npm/mathjax@3/es5"}}}</script>'),
    trap('mathjax config no cdn word', '<script>window.MathJax={loader:{paths:{mathjax:"https://www.host.edu/mathjax/es5"}}}</script>'),
    trap('requirejs paths', '<script>require.config({paths:{plotly:["https://host.edu/plotly-2.min"]}})</script>'),
    trap('protocol relative', '<script src="//cdn.host.edu/a.js"></script>'),
    trap('protocol relative in js', '<script>var s=document.createElement("script");s.src="//cdn.host.edu/a.js"</script>'),
    trap('upper case scheme', '<img alt="x" width="9" src="HTTPS://host.edu/a.png">'),
    trap('scheme with newline', '<img alt="x" width="9" src="ht\ntps://host.edu/a.png">'),
    trap('backslashes', '<img alt="x" width="9" src="\\\\host.edu\\a.png">'),
    trap('entity scheme', '<img alt="x" width="9" src="&#104;ttps://host.edu/a.png">'),
    trap('noscript img', '<noscript><img src="https://cdn.host.edu/pixel.png" alt="" width="1"></noscript>'),
    trap('template img', '<template><img src="https://cdn.host.edu/a.png" alt="x"></template>'),
    trap('input image', '<input type="image" alt="x" src="https://cdn.host.edu/a.png">'),
    trap('XHR', '<script>var x=new XMLHttpRequest();x.open("GET","https://cdn.host.edu/d");x.send()</script>'),
    trap('XHR template', '<script>fetch(`https://host.edu/${1}`)</script>'),
    trap('fetch var', '<script>const base="https://host.edu/api"; fetch(base)</script>'),
    trap('analytics', '<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script><script>window.dataLayer=[]</script>'),
    trap('css in local file', '', head='<link rel="stylesheet" href="a.css">', more={'a.css': 'body{background:url(https://cdn.host.edu/a.png)}'}),
    trap('svg file with remote', '<p><img src="a.svg" alt="x" width="9"></p>', more={'a.svg': '<svg xmlns="http://www.w3.org/2000/svg"><image href="https://cdn.host.edu/a.png"/></svg>'}),
    trap('local html that a browser reads otherwise than XML', '<iframe title="x" src="plot.html"></iframe>', more={'plot.html': '<image src="https://cdn.host.edu/a.png">'}),
    trap('srcdoc that a browser reads otherwise', '<iframe title="x" srcdoc="&lt;image src=https://cdn.host.edu/a.png&gt;"></iframe>'),
    trap('local html iframe remote', '<iframe title="x" src="plot.html"></iframe>', more={'plot.html': '<script src="https://cdn.host.edu/plotly.js"></script>'}),
    trap('js file loads', '<script src="a.js"></script>', more={'a.js': 'const s=document.createElement("script");s.src="https://cdn.host.edu/x.js"'}),
    trap('d3.csv remote', '<script>d3.csv("https://cdn.host.edu/a.csv")</script>'),
    trap('manifest', '', head='<link rel="manifest" href="https://cdn.host.edu/m.json">'),
]  # fmt: skip

QUIET = [
    trap('svg local fill', '<svg width="9" height="9" aria-hidden="true"><rect fill="url(#g)" width="9" height="9"/></svg>'),
    trap('meta refresh to itself', '', head='<meta http-equiv="refresh" content="600">'),
    trap('link rel=me', '', head='<link rel="me" href="https://cdn.host.edu/@ada">'),
    trap('link license', '', head='<link rel="license" href="https://creativecommons.org/licenses/by/4.0/">'),
    trap('import map local', '<script type="importmap">{"imports":{"d3":"./d3.js"}}</script>', more={'d3.js': '1'}),
    trap('inline handler open', '<button onclick="window.open(\'https://cdn.host.edu/paper\')">Paper</button>'),
    trap('inline handler location', '<button onclick="location.href=\'https://cdn.host.edu/paper.html\'">Paper</button>'),
    trap('data', '<img alt="x" width="9" src="data:image/png;base64,iVBORw0KGgo=">'),
    trap('blob', '<script>const u = "blob:https://host.edu/123"; u</script>'),
    trap('hyperlink', '<p><a href="https://cdn.host.edu/a.png">picture</a> <a href="https://cdn.host.edu/d3.js">d3</a></p>'),
    trap('xmlns', '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9" aria-hidden="true"><rect width="3" height="3"/></svg>'),
    trap('comment', '<!-- <script src="https://cdn.host.edu/a.js"></script> -->'),
    trap('css comment', '<style>/* url(https://cdn.host.edu/a.png) */ p{color:#000}</style>'),
    trap('js comment', '<script>// see https://cdn.host.edu/a.js\n/* https://cdn.host.edu/b.js */ 1</script>'),
    trap('code listing', '<pre><code>&lt;script src="https://cdn.host.edu/a.js"&gt;&lt;/script&gt; fetch("https://cdn.host.edu/a.json")</code></pre>'),
    trap('textarea', '<textarea aria-label="x">&lt;img src="https://cdn.host.edu/a.png"&gt;</textarea>'),
    trap('og image', '', head='<meta property="og:image" content="https://cdn.host.edu/a.png">'),
    trap('form action', '<form action="https://cdn.host.edu/s"><input aria-label="q" name="q"></form>'),
    trap('url in data attr link', '<p data-url="https://cdn.host.edu/x.html" data-doi="https://doi.org/10.1/x.y">x</p>'),
    trap('ldjson', '<script type="application/ld+json">{"image":"https://cdn.host.edu/a.png"}</script>'),
    trap('text/x-template', '<script type="text/plain">fetch("https://cdn.host.edu/a.json")</script>'),
    trap('citation bib string', '<script>const bib = "@misc{x, url = {https://cdn.host.edu/a}, note={see} }"</script>'),
    trap('link string for href', '<script>document.querySelector("a").href = "https://cdn.host.edu/paper.pdf"</script>'),
]  # fmt: skip


@pytest.mark.parametrize("one", LOADS, ids=lambda one: one.name)
def test_it_is_reported(one: Trap, tmp_path: Path) -> None:
    messages = said(tmp_path, one)
    assert messages and {message.split()[0] for message in messages} == {"BK102"}


@pytest.mark.parametrize("one", QUIET, ids=lambda one: one.name)
def test_it_is_left_in_peace(one: Trap, tmp_path: Path) -> None:
    assert said(tmp_path, one) == []


@pytest.mark.parametrize("script", ["import('./d3.js').then(x => x)", "new Worker('d3.js')"])
def test_what_a_browser_blocks_over_the_file_scheme_is_reported_as_that(script: str, tmp_path: Path) -> None:
    (message,) = said(tmp_path, trap("", f"<script>{script}</script>", more={"d3.js": "1"}))
    assert message.startswith("BK123 ")


def test_a_local_base_moves_what_the_page_names(tmp_path: Path) -> None:
    picture = '<p><img src="a.png" alt="" width="9"></p>'
    base = '<base href="sub/">'
    assert (
        said(tmp_path / "a", trap("", picture, head=base, more={"sub/a.png": b"x"})) != []
    )  # its style sheet moves too
    (message,) = [
        one for one in said(tmp_path / "b", trap("", picture, head=base, more={"a.png": b"x"})) if "a.png" in one
    ]
    assert message == "BK103 <img src> points to a.png, which is not there."
