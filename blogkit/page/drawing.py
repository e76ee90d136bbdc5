"""Makes Vega's drawing small: about a tenth of the elements and a quarter of the bytes, and nothing a reader can see.

Every element is brought to the drawing's own coordinates, so that the nested groups go; ticks, grid lines and marks
that look the same become one path; lines lose the points that lie within 0.15 pixels of a straight line; one decimal
is kept; what all texts share stands once on their group. Only a short list of elements and attributes comes through.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lxml import etree

from blogkit.errors import ToolFailed

TOLERANCE = 0.15
"""Pixels that a simplified line may stray from the drawn one."""

LAYERS = 6
"""Translucent dots of one look are spread over so many paths that neighbours still darken each other."""

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_INHERITED = (
    "fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray",
    "stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "font-family", "font-size",
    "font-weight", "font-style", "text-anchor", "letter-spacing",
)  # fmt: skip
_OWN = ("opacity", "clip-path")
_DEFAULTS = {
    "opacity": "1", "fill-opacity": "1", "stroke-opacity": "1", "stroke-width": "1", "stroke": "none",
    "text-anchor": "start", "font-weight": "normal", "font-style": "normal", "stroke-dasharray": "none",
    "stroke-dashoffset": "0", "stroke-linecap": "butt", "stroke-linejoin": "miter", "fill-rule": "nonzero",
    "letter-spacing": "normal", "stroke-miterlimit": "10",
}  # fmt: skip

Point = tuple[float, float]
MarkLook = tuple[tuple[str, str], ...]
"""Presentation attributes, sorted: what makes two marks look the same."""


@dataclass
class _Shape:
    """A path in the drawing's coordinates: commands with absolute numbers."""

    commands: list[tuple[str, list[float]]]
    rotation: str = ""
    """A transform that could not be worked in."""


@dataclass
class _Text:
    at: Point
    content: etree._Element
    turn: str = ""
    """Degrees, as written; empty when the text lies level."""


@dataclass
class _Image:
    element: etree._Element
    at: Point


@dataclass
class _Item:
    look: MarkLook
    body: _Shape | _Text | _Image
    clip: str = ""
    opacity: tuple[str, ...] = ()
    """Of the groups around it, outermost first."""


@dataclass
class _Drawing:
    prefix: str
    items: list[_Item] = field(default_factory=list)
    definitions: dict[str, etree._Element] = field(default_factory=dict)
    clips: dict[tuple[str, Point], str] = field(default_factory=dict)


def optimise(svg: str, *, prefix: str, title: str = "") -> str:
    """The same drawing in fewer elements and bytes, its ids prefixed. Raises ToolFailed when it is no SVG."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(svg.encode("utf-8"), parser)
    except etree.XMLSyntaxError as error:
        raise ToolFailed(f"a drawing is not XML: {error}.", hint="Draw the chart again.") from error
    drawing = _Drawing(prefix=prefix)
    for element in root.iter(f"{{{_SVG}}}clipPath", f"{{{_SVG}}}linearGradient", f"{{{_SVG}}}radialGradient"):
        if name := element.get("id"):
            drawing.definitions[name] = element
    _collect(root, drawing, {"fill": "black"}, (0.0, 0.0), "", ())
    return _drawing_text(drawing, root, title)


# --- reading --------------------------------------------------------------------------------------------------------


def _collect(
    element: etree._Element, drawing: _Drawing, look: dict[str, str], at: Point, clip: str, opacity: tuple[str, ...]
) -> None:
    """Adds an element and what it holds to the drawing, with the look and the place that its groups give it."""
    if not isinstance(element.tag, str) or element.get("display") == "none" or element.get("opacity") == "0":
        return
    name = etree.QName(element).localname
    if name in ("defs", "clipPath", "title", "desc", "style", "script"):
        return
    look = look | {key: value for key in _INHERITED if (value := element.get(key)) is not None}
    transform = element.get("transform", "")
    moved, rest = _translation(transform)
    at = (at[0] + moved[0], at[1] + moved[1])
    if (reference := _reference(element.get("clip-path", ""))) and reference in drawing.definitions:
        clip = _clip_at(drawing, reference, at)
    if name in ("svg", "g", "a"):
        if (own := element.get("opacity", "1")) != "1":
            opacity = (*opacity, own)
        for child in element:
            _collect(child, drawing, look, at, clip, opacity)
        return
    body = _body(element, name, at, rest)
    if body is None or (isinstance(body, _Shape) and not _visible(look)):
        return
    kept = dict(look)
    if (own := element.get("opacity", "1")) != "1":
        kept["opacity"] = own
    if not isinstance(body, _Text):
        kept = {key: value for key, value in kept.items() if not key.startswith(("font", "text", "letter"))}
    if kept.get("stroke", "none") in ("none", "transparent"):
        kept = {key: value for key, value in kept.items() if not key.startswith("stroke")}
    drawing.items.append(_Item(look=_look(kept), body=body, clip=clip, opacity=opacity))


def _look(attributes: dict[str, str]) -> MarkLook:
    tidy = {key: _rounded_text(value) for key, value in attributes.items()}
    return tuple(sorted((key, value) for key, value in tidy.items() if _DEFAULTS.get(key) != value))


def _rounded_text(value: str) -> str:
    number = re.fullmatch(r"(-?(?:\d*\.)?\d+)(px)?", value)
    return f"{float(number.group(1)):.3g}" if number else value


def _visible(look: dict[str, str]) -> bool:
    return any(look.get(key, "none") not in ("none", "transparent") for key in ("fill", "stroke"))


def _translation(transform: str) -> tuple[Point, str]:
    """The shift that a transform begins with, and what remains of it."""
    match = re.match(r"translate\(([-\d.e]+)[ ,]+([-\d.e]+)\)\s*", transform)
    if match is None:
        return (0.0, 0.0), transform.strip()
    return (float(match.group(1)), float(match.group(2))), transform[match.end() :].strip()


def _reference(value: str) -> str:
    match = re.fullmatch(r"url\(#([^)]+)\)", value)
    return match.group(1) if match else ""


def _clip_at(drawing: _Drawing, reference: str, at: Point) -> str:
    """The id of a clip region at a place: coordinates are the drawing's now, so each place needs its own."""
    return drawing.clips.setdefault((reference, at), f"{drawing.prefix}-k{len(drawing.clips)}")


def _body(element: etree._Element, name: str, at: Point, rest: str) -> _Shape | _Text | _Image | None:
    if name == "line":
        x1, y1, x2, y2 = (float(element.get(key, "0")) for key in ("x1", "y1", "x2", "y2"))
        line = [("M", [at[0] + x1, at[1] + y1]), ("L", [at[0] + x2, at[1] + y2])]
        return None if (x1, y1) == (x2, y2) else _Shape(line)
    if name == "rect":
        x, y, width, height = (float(element.get(key, "0")) for key in ("x", "y", "width", "height"))
        x, y = x + at[0], y + at[1]
        corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]
        return _Shape([("M" if index == 0 else "L", corner) for index, corner in enumerate(corners)] + [("Z", [])])
    if name == "path":
        data = element.get("d", "")
        if rest:
            commands = _absolute(data, (0.0, 0.0))
            return _Shape(commands, f"translate({_number(at[0])},{_number(at[1])}) {rest}") if commands else None
        commands = _absolute(data, at)
        return _Shape(commands) if len(commands) > 1 else None
    if name == "text":
        turn = re.match(r"rotate\(([-\d.e]+)\)\s*", rest)
        if not "".join(element.itertext()).strip():
            return None
        (x, y), _ = _translation(rest[turn.end() :] if turn else rest)
        x, y = x + float(element.get("x", "0")), y + float(element.get("y", "0"))
        angle = math.radians(float(turn.group(1))) if turn else 0.0
        x, y = x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)
        return _Text((at[0] + x, at[1] + y), element, turn.group(1) if turn else "")
    if name == "image":
        return _Image(element, at)
    return None


_TOKEN = re.compile(r"([MLHVCSQTAZmlhvcsqtaz])|(-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
_TAKES = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}


def _absolute(data: str, at: Point) -> list[tuple[str, list[float]]]:
    """A path's commands with absolute numbers, moved to a place; H and V become L. Empty for a path of no size."""
    tokens = [(match.group(1), match.group(2)) for match in _TOKEN.finditer(data)]
    commands: list[tuple[str, list[float]]] = []
    x = y = start_x = start_y = 0.0
    position, letter = 0, ""
    while position < len(tokens):
        if tokens[position][0]:
            letter = tokens[position][0]
            position += 1
        count = _TAKES[letter.upper()]
        numbers = [float(token[1]) for token in tokens[position : position + count] if token[1]]
        if len(numbers) < count:
            break
        position += count
        kind, relative = letter.upper(), letter.islower()
        if kind == "Z":
            commands.append(("Z", []))
            x, y = start_x, start_y
            continue
        if kind == "H":
            numbers = [numbers[0] + (x if relative else 0), y]
        elif kind == "V":
            numbers = [x, numbers[0] + (y if relative else 0)]
        elif kind == "A":
            numbers = [*numbers[:5], numbers[5] + (x if relative else 0), numbers[6] + (y if relative else 0)]
        elif relative:
            numbers = [number + (y if index % 2 else x) for index, number in enumerate(numbers)]
        kind = "L" if kind in ("H", "V") else kind
        x, y = numbers[-2:]
        if kind == "M":
            start_x, start_y = x, y
            letter = "l" if relative else "L"
        first = 5 if kind == "A" else 0
        moved = [n + at[(i - first) % 2] if i >= first else n for i, n in enumerate(numbers)]
        commands.append((kind, moved))
    ends = {(round(n[-2], 3), round(n[-1], 3)) for kind, n in commands if n}
    return commands if len(ends) > 1 or any(kind in "ACQ" for kind, _ in commands) else []


def absolute_path(data: str) -> list[tuple[str, list[float]]]:
    """The commands of a path's ``d`` with absolute numbers."""
    return _absolute(data, (0.0, 0.0))


# --- making less of it ----------------------------------------------------------------------------------------------


def simplify(points: Sequence[Point], tolerance: float) -> list[Point]:
    """The points of a line without those that lie within ``tolerance`` of what is left (Douglas and Peucker)."""
    if len(points) < 3:
        return list(points)
    kept = bytearray(len(points))
    kept[0] = kept[-1] = 1
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        (x1, y1), (x2, y2) = points[first], points[last]
        dx, dy = x2 - x1, y2 - y1
        length = math.hypot(dx, dy)
        worst, where = tolerance, -1
        for index in range(first + 1, last):
            x, y = points[index]
            along = ((x - x1) * dx + (y - y1) * dy) / (length * length) if length else 0.0
            if 0.0 <= along <= 1.0 and length:
                distance = abs(dx * (y - y1) - dy * (x - x1)) / length
            else:
                distance = min(math.hypot(x - x1, y - y1), math.hypot(x - x2, y - y2))
            if distance > worst:
                worst, where = distance, index
        if where >= 0:
            kept[where] = 1
            spans += [(first, where), (where, last)]
    return [point for point, keep in zip(points, kept, strict=True) if keep]


def _path_data(shape: _Shape) -> str:
    """The ``d`` of a shape: long lines simplified, numbers relative, one decimal, as few characters as will do."""
    parts: list[str] = []
    here = (0, 0)  # in tenths of a pixel, so that rounding never adds up
    commands = shape.commands
    position = 0
    last = ""

    def say(letter: str, numbers: Iterable[float | int]) -> None:
        nonlocal last
        text = ""
        for number in numbers:
            word = _number(number)
            text += word if not text or word.startswith("-") else f" {word}"
        follows = letter == last and letter in "lac"
        parts.append((" " if follows and not text.startswith("-") else "") + text if follows else letter + text)
        last = letter

    while position < len(commands):
        kind, numbers = commands[position]
        if kind == "Z":
            parts.append("z")
            last = "z"
            position += 1
            continue
        if kind == "L":
            end = position
            while end < len(commands) and commands[end][0] == "L":
                end += 1
            begin = (here[0] / 10, here[1] / 10)
            line = simplify([begin, *((n[0], n[1]) for _, n in commands[position:end])], TOLERANCE)
            for x, y in line[1:]:
                target = (round(x * 10), round(y * 10))
                dx, dy = target[0] - here[0], target[1] - here[1]
                if dx == dy == 0:
                    continue
                if dy == 0:
                    say("h", [dx / 10])
                elif dx == 0:
                    say("v", [dy / 10])
                else:
                    say("l", [dx / 10, dy / 10])
                here = target
            position = end
            continue
        target = (round(numbers[-2] * 10), round(numbers[-1] * 10))
        if kind == "M":
            say("M", [target[0] / 10, target[1] / 10])
            following = commands[position + 1][1] if position + 1 < len(commands) else []
            if commands[position + 1 : position + 2] and commands[position + 1][0] == "L" and following == numbers:
                parts.append("h0")  # a dot drawn by its round cap
        elif kind == "A":
            ends = [(target[0] - here[0]) / 10, (target[1] - here[1]) / 10]
            say("a", [round(numbers[0], 1), round(numbers[1], 1), *numbers[2:5], *ends])
        else:
            base = (here[0] / 10, here[1] / 10)
            moved = [round(number - base[index % 2], 1) for index, number in enumerate(numbers[:-2])]
            say(kind.lower(), [*moved, (target[0] - here[0]) / 10, (target[1] - here[1]) / 10])
        here = target
        position += 1
    return "".join(parts)


def _number(number: float | int) -> str:
    text = f"{number:.1f}".rstrip("0").rstrip(".")
    text = "0" if text in ("-0", "") else text
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def _merged_items(items: list[_Item]) -> list[_Item]:
    """Neighbours that look the same become one path, where nobody can tell the difference."""
    merged: list[_Item] = []
    run: list[_Item] = []

    def close() -> None:
        if len(run) > 1 and _translucent(run[0]):
            layers = _spread(run)
            merged.extend(_joined_item(layer) for layer in layers)
        elif run:
            merged.append(_joined_item(run))
        run.clear()

    for item in items:
        if run and not (_look_alike(run[0], item)):
            close()
        if _mergeable(item):
            run.append(item)
        else:
            close()
            merged.append(item)
    close()
    return merged


def _mergeable(item: _Item) -> bool:
    if not isinstance(item.body, _Shape) or item.body.rotation:
        return False
    look = dict(item.look)
    if any(value.startswith("url(") for value in look.values()):
        return False
    short = len(item.body.commands) <= 12
    filled = look.get("fill", "none") not in ("none", "transparent")
    if filled or _translucent(item):
        return (short and item.body.commands[-1][0] in "ZA") or (not filled and short)
    return True


def _look_alike(one: _Item, other: _Item) -> bool:
    return (one.look, one.clip, one.opacity) == (other.look, other.clip, other.opacity)


def _translucent(item: _Item) -> bool:
    names = dict(item.look)
    return any(key in names for key in ("opacity", "fill-opacity", "stroke-opacity"))


def _joined_item(items: list[_Item]) -> _Item:
    commands = [command for item in items if isinstance(item.body, _Shape) for command in item.body.commands]
    first = items[0]
    return _Item(look=first.look, body=_Shape(commands), clip=first.clip, opacity=first.opacity)


def _spread(items: list[_Item]) -> list[list[_Item]]:
    """Translucent marks in few lists, none of which overlap inside a list but the last."""
    layers: list[list[_Item]] = []
    taken: list[dict[tuple[int, int], list[tuple[float, float, float, float]]]] = []
    boxes = [_box(item) for item in items]
    cell = max(4.0, max(max(box[2] - box[0], box[3] - box[1]) for box in boxes))
    for item, box in zip(items, boxes, strict=True):
        columns = range(int(box[0] // cell), int(box[2] // cell) + 1)
        rows = range(int(box[1] // cell), int(box[3] // cell) + 1)
        places = [(column, row) for column in columns for row in rows]
        for index in range(LAYERS):
            if index == len(layers):
                layers.append([])
                taken.append({})
            free = not any(_overlap(box, other) for place in places for other in taken[index].get(place, ()))
            if free or index == LAYERS - 1:
                layers[index].append(item)
                for place in places:
                    taken[index].setdefault(place, []).append(box)
                break
    return layers


def _box(item: _Item) -> tuple[float, float, float, float]:
    assert isinstance(item.body, _Shape)
    wide = float(dict(item.look).get("stroke-width", "1")) / 2 if dict(item.look).get("stroke") else 0.0
    ends: list[Point] = []
    for kind, numbers in item.body.commands:
        if kind == "A":
            ends += [(numbers[5] + dx, numbers[6] + dy) for dx in (0, 0) for dy in (-numbers[1], numbers[1])]
        ends += [(numbers[i], numbers[i + 1]) for i in range(0, len(numbers) - 1, 2)] if kind != "A" else []
    xs, ys = [x for x, _ in ends], [y for _, y in ends]
    return min(xs) - wide, min(ys) - wide, max(xs) + wide, max(ys) + wide


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


# --- writing --------------------------------------------------------------------------------------------------------


def _drawing_text(drawing: _Drawing, root: etree._Element, title: str) -> str:
    view_box = root.get("viewBox", f"0 0 {root.get('width', '300')} {root.get('height', '150')}")
    _, _, width, height = (float(number) for number in view_box.split())
    size = {"width": f"{width:g}", "height": f"{height:g}", "viewBox": f"0 0 {width:g} {height:g}"}
    svg = etree.Element("svg", size, nsmap={None: _SVG})
    svg.set("fill", "none")
    svg.set("font-family", "sans-serif")
    if title:
        etree.SubElement(svg, "title").text = title
    parent: etree._Element = svg
    definitions = etree.SubElement(svg, "defs")
    items = _merged_items(drawing.items)
    position = 0
    while position < len(items):
        end = position + 1
        around = (items[position].clip, items[position].opacity)
        while end < len(items) and (items[end].clip, items[end].opacity) == around:
            end += 1
        parent = svg
        if around[0]:
            parent = etree.SubElement(parent, "g", {"clip-path": f"url(#{around[0]})"})
        for opacity in around[1]:
            parent = etree.SubElement(parent, "g", {"opacity": opacity})
        _write_items(parent, items[position:end], drawing)
        position = end
    _write_definitions(definitions, svg, drawing)
    if not len(definitions):
        svg.remove(definitions)
    return etree.tostring(svg, encoding="unicode") + "\n"


def _write_items(parent: etree._Element, items: list[_Item], drawing: _Drawing) -> None:
    position = 0
    while position < len(items):
        end = position
        while end < len(items) and isinstance(items[end].body, _Text):
            end += 1
        if end - position > 1:
            shared = _shared([item.look for item in items[position:end]])
            group = etree.SubElement(parent, "g", _attributes(tuple(shared.items()), drawing))
            for item in items[position:end]:
                _write_item(group, item, drawing, shared)
            position = end
        else:
            _write_item(parent, items[position], drawing, {})
            position += 1


def _attributes(look: MarkLook, drawing: _Drawing) -> dict[str, str]:
    shared = {("fill", "none"), ("font-family", "sans-serif")}
    return {key: _prefixed(value, drawing) for key, value in look if (key, value) not in shared}


def _prefixed(value: str, drawing: _Drawing) -> str:
    reference = _reference(value)
    return f"url(#{drawing.prefix}-{reference})" if reference else value


def _shared(looks: list[MarkLook]) -> dict[str, str]:
    """For a group of texts, the commonest value of each attribute that all have or that has a default."""
    shared: dict[str, str] = {}
    for key in sorted({key for look in looks for key, _ in look}):
        values = Counter(dict(look).get(key) or _DEFAULTS.get(key, "") for look in looks)
        value, _ = values.most_common(1)[0]
        if "" not in values and value != _DEFAULTS.get(key):
            shared[key] = value
    return shared


def _write_item(parent: etree._Element, item: _Item, drawing: _Drawing, shared: dict[str, str]) -> None:
    own = {key: _DEFAULTS[key] for key in shared if key not in dict(item.look)} | dict(item.look)
    attributes = _attributes(tuple(pair for pair in own.items() if shared.get(pair[0]) != pair[1]), drawing)
    if isinstance(item.body, _Shape):
        data = _path_data(item.body)
        if not data:
            return
        path = etree.SubElement(parent, "path", attributes | {"d": data})
        if item.body.rotation:
            path.set("transform", item.body.rotation)
    elif isinstance(item.body, _Text):
        _write_text(parent, item.body, attributes)
    else:
        _write_image(parent, item.body)


def _write_text(parent: etree._Element, text: _Text, attributes: dict[str, str]) -> None:
    x, y = _number(text.at[0]), _number(text.at[1])
    place = {"transform": f"translate({x},{y}) rotate({text.turn})"} if text.turn else {"x": x, "y": y}
    element = etree.SubElement(parent, "text", attributes | place)
    element.text = text.content.text
    for line in text.content:
        if isinstance(line.tag, str):
            moved = {key: value for key in ("dx", "dy") if (value := line.get(key))}
            moved["x"] = "0" if text.turn else _number(text.at[0] + float(line.get("x", "0")))
            etree.SubElement(element, "tspan", moved).text = "".join(line.itertext())


def _write_image(parent: etree._Element, image: _Image) -> None:
    address = image.element.get("href") or image.element.get(_XLINK) or ""
    if not re.match(r"data:image/(png|jpeg|gif|webp);base64,", address):
        return
    sizes = {key: value for key in ("width", "height", "preserveAspectRatio") if (value := image.element.get(key))}
    etree.SubElement(parent, "image", sizes | {"href": address, "x": _number(image.at[0]), "y": _number(image.at[1])})


def _write_definitions(parent: etree._Element, svg: etree._Element, drawing: _Drawing) -> None:
    """The clip regions and gradients that are used, under their new ids."""
    used = {match for value in svg.xpath("//@*") for match in re.findall(r"url\(#([^()]+)\)", str(value))}
    for (reference, at), name in drawing.clips.items():
        if name not in used:
            continue
        clip = etree.SubElement(parent, "clipPath", {"id": name})
        for child in drawing.definitions[reference]:
            body = _body(child, etree.QName(child).localname, at, "") if isinstance(child.tag, str) else None
            if isinstance(body, _Shape):
                etree.SubElement(clip, "path", {"d": _path_data(body)})
    for reference, gradient in drawing.definitions.items():
        if f"{drawing.prefix}-{reference}" not in used:
            continue
        numbers = ("x1", "x2", "y1", "y2", "r", "cx", "cy", "fx", "fy", "r1", "r2", "gradientUnits")
        kept = {key: value for key in numbers if (value := gradient.get(key))}
        new = etree.SubElement(parent, etree.QName(gradient).localname, {"id": f"{drawing.prefix}-{reference}"} | kept)
        for stop in gradient:
            if isinstance(stop.tag, str):
                etree.SubElement(new, "stop", {k: v for k in ("offset", "stop-color") if (v := stop.get(k))})
