"""The second origin: posts alone, each in a sandbox without origin, storage or network.

The page is the anonymous, self-contained one. Scripts are limited to blogkit's own, by hash; in the opt-in tier
for custom scripts the author's run too, behind the same walls.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

import blogkit
from blogkit.live import BYTES_CLASS, read_bytes_script
from blogkit.page.parse import parse_html
from blogkit.review.server.access import RateLimit

ASSETS = Path(__file__).parent.parent / "assets"
_READER_ASSETS = Path(blogkit.__file__).parent / "render" / "assets"
RUNTIME = _READER_ASSETS / "figures-runtime.js"
ENGINE, ENGINE_BYTES = _READER_ASSETS / "figures-live.js", _READER_ASSETS / "figures-live-wasm.js"
"""What answers live figures, and the script that carries its WebAssembly."""
SANDBOX = "allow-scripts"
"""Never with allow-same-origin: the two together are no sandbox."""


def _script_hash(script: str) -> str:
    """A script's hash as a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


@lru_cache(maxsize=1)
def _engine_bytes() -> str:
    """The WebAssembly that answers live figures, in a script that nothing runs: a frame can load nothing."""
    data = json.dumps(read_bytes_script(ENGINE_BYTES.read_text(encoding="utf-8").partition("/*!")[0]))
    return f'<script type="application/json" class="{BYTES_CLASS}" data-name="runtime" data-review-skip>{data}</script>'


@lru_cache(maxsize=64)
def frame_page(path: Path, app_origin: str, custom: bool) -> tuple[bytes, str]:
    """A revision's page with the annotating script in it, and the policy that goes with it."""
    source = path.read_text(encoding="utf-8")
    script = f"const APP_ORIGIN={json.dumps(app_origin)};\n{(ASSETS / 'frame.js').read_text(encoding='utf-8')}"
    script = script.replace("</script", "<\\/script")
    style = (ASSETS / "frame.css").read_text(encoding="utf-8")
    document = parse_html(source.encode())
    own = [script]
    if document.xpath("//*[@data-awake]"):  # figures that Vega draws when they are touched: blogkit's runtime, inside
        own.insert(0, RUNTIME.read_text(encoding="utf-8").replace("</script", "<\\/script"))
    live = bool(document.xpath("//*[@data-awake][@data-live]"))
    if live:
        own.insert(0, ENGINE.read_text(encoding="utf-8").replace("</script", "<\\/script"))
    hashes = " ".join(_script_hash(one) for one in own)
    scripts = "'unsafe-inline' 'unsafe-eval'" if custom else hashes
    scripts += " 'wasm-unsafe-eval'" if live else ""
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {scripts}",
            "style-src 'unsafe-inline'",
            "img-src data: blob:",
            "media-src data: blob:",
            "font-src data:",
            "connect-src 'none'",
            "frame-src 'none'",
            "worker-src 'none'",
            "form-action 'none'",
            "base-uri 'none'",
            f"frame-ancestors {app_origin}",
            f"sandbox {SANDBOX}",
        )
    )
    added = f"<style data-review-skip>{style}</style>"
    text = re.sub(r"</head>", lambda match: added + match.group(), source, count=1)
    place = text.rfind("</body>")
    tail = _engine_bytes() if live else ""
    tail += "".join(f"<script data-review-skip>{one}</script>" for one in own)
    text = text[:place] + tail + text[place:] if place >= 0 else text + tail
    return text.encode("utf-8"), policy


Lookup = Callable[[str], tuple[Path, bool] | None]
"""From an address's token to the page's file and whether the author's scripts run in it; None when it is not valid."""


def posts_app(lookup: Lookup, app_origin: str) -> Starlette:
    """The app of the second origin. It sets no cookie, reads none, and knows people by signed addresses alone."""
    often = RateLimit(burst=60, per_second=1)

    def frame(request: Request) -> Response:
        token = request.path_params["token"]
        found = lookup(token)
        if found is None or not found[0].is_file():
            return PlainTextResponse("This address is not valid any more. Load the review again.", status_code=404)
        wait = often.wait(token)  # an address is one person's, for one post
        if wait:
            headers = {"Retry-After": str(int(wait) + 1)}
            return PlainTextResponse("That was a lot at once. Wait a moment.", status_code=429, headers=headers)
        body, policy = frame_page(found[0], app_origin, found[1])
        headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "X-DNS-Prefetch-Control": "off",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=(), clipboard-read=(), clipboard-write=()",
            "Cache-Control": "private, max-age=3600",
        }
        return HTMLResponse(body, headers=headers)

    return Starlette(routes=[Route("/frame/{token}", frame)], middleware=[Middleware(GZipMiddleware)])
