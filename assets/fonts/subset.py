#!/usr/bin/env python3
"""Makes the console's four fonts out of IBM Plex: subset, hinting out, missing symbols drawn, renamed inside.

Needs Python 3, `fonttools` and `brotli` (versions in README.md), and `npm` to fetch the two Plex packages.
Same inputs, same bytes: the date inside each font is the source font's own.
"""

import pathlib
import subprocess
import sys
import tempfile

from fontTools import subset
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

PACKAGES = {"Sans": "@ibm/plex-sans@1.1.0", "Mono": "@ibm/plex-mono@2.5.0"}
WEIGHTS = ("Regular", "SemiBold")
FEATURES = ["kern", "mark", "mkmk", "ccmp", "locl"]

LATIN = [*range(0x20, 0x7F), *range(0xA0, 0x180), 0x218, 0x219, 0x21A, 0x21B, 0x2C6, 0x2C7, 0x2D8, 0x2D9, 0x2DA, 0x2DB, 0x2DC, 0x2DD]
SYMBOLS = [ord(symbol) for symbol in "ΔΩμπσ–—‘’‚“”„†‡•…‰′″‹›€№™←↑→↓↔↕↗↘−×÷·±≈≠≤≥∞√∑∂◊✓\u2009\u202f"]

# Plex has none of these. All are simple shapes on the 600 unit cell of its digits, at cap height, so that they line up with numbers.
CELL, CAP = 600, 698


def polygon(pen, points):
    pen.moveTo(points[0])
    for point in points[1:]:
        pen.lineTo(point)
    pen.closePath()


def circle(pen, x, y, radius, hole=False):
    """Clockwise fills, counter-clockwise cuts: TrueType's non-zero rule."""
    k = radius * 0.4142
    arc = [
        ((x, y + radius), (x + k, y + radius), (x + radius, y + k)),
        ((x + radius, y), (x + radius, y - k), (x + k, y - radius)),
        ((x, y - radius), (x - k, y - radius), (x - radius, y - k)),
        ((x - radius, y), (x - radius, y + k), (x - k, y + radius)),
    ]
    if hole:
        arc = [((px, 2 * y - py), (ax, 2 * y - ay), (bx, 2 * y - by)) for (px, py), (ax, ay), (bx, by) in arc]
    pen.moveTo(arc[0][0])
    for index, (_, first, second) in enumerate(arc):
        pen.qCurveTo(first, second, arc[(index + 1) % 4][0])
    pen.closePath()


def ring(pen, x, y, radius, stroke):
    circle(pen, x, y, radius)
    circle(pen, x, y, radius - stroke, hole=True)


def bar(pen, start, end, stroke):
    (x0, y0), (x1, y1) = start, end
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    dx, dy = (y1 - y0) / length * stroke / 2, (x1 - x0) / length * stroke / 2
    polygon(pen, [(x0 - dx, y0 + dy), (x1 - dx, y1 + dy), (x1 + dx, y1 - dy), (x0 + dx, y0 - dy)])


def box(pen, x0, y0, x1, y1, hole=False):
    points = [(x0, y0), (x0, y1), (x1, y1), (x1, y0)]
    polygon(pen, points[::-1] if hole else points)


def drawn(stroke):
    """Every added symbol: its code point, its name and how it is drawn."""
    mid = CAP / 2

    def command(pen):
        for x in (150, 450):
            for y in (mid - 150, mid + 150):
                ring(pen, x, y, 100, stroke * 0.8)
        for offset in (-150 + 100 - stroke * 0.4, 150 - 100 + stroke * 0.4):
            bar(pen, (150, mid + offset), (450, mid + offset), stroke * 0.8)
            bar(pen, (300 + offset, mid - 150), (300 + offset, mid + 150), stroke * 0.8)

    def warning(pen):
        # Solid, with the mark cut out: an outlined triangle is a blob at 13 px.
        polygon(pen, [(0, 40), (300, 640), (600, 40)])
        box(pen, 300 - stroke * 0.5, 240, 300 + stroke * 0.5, 440, hole=True)
        box(pen, 300 - stroke * 0.5, 110, 300 + stroke * 0.5, 110 + stroke, hole=True)

    def enter(pen):
        bar(pen, (520, 560), (520, 250 - stroke / 2), stroke)
        bar(pen, (130, 250), (520, 250), stroke)
        bar(pen, (90, 250), (250, 400), stroke)
        bar(pen, (250, 100), (90, 250), stroke)

    def cross(pen):
        bar(pen, (100, mid - 200), (500, mid + 200), stroke)
        bar(pen, (100, mid + 200), (500, mid - 200), stroke)

    def hollow(pen):
        box(pen, 60, mid - 240, 540, mid + 240)
        box(pen, 60 + stroke, mid - 240 + stroke, 540 - stroke, mid + 240 - stroke, hole=True)

    return {
        "▲": ("triagup", lambda pen: polygon(pen, [(40, 60), (300, 600), (560, 60)])),
        "▼": ("triagdn", lambda pen: polygon(pen, [(300, 60), (40, 600), (560, 600)])),
        "▴": ("triagup.small", lambda pen: polygon(pen, [(140, 170), (300, 500), (460, 170)])),
        "▾": ("triagdn.small", lambda pen: polygon(pen, [(300, 170), (140, 500), (460, 500)])),
        "▸": ("triagrt.small", lambda pen: polygon(pen, [(140, 180), (140, 500), (470, 340)])),
        "◂": ("triaglf.small", lambda pen: polygon(pen, [(460, 500), (460, 180), (130, 340)])),
        "◆": ("diamond", lambda pen: polygon(pen, [(30, mid), (300, mid + 270), (570, mid), (300, mid - 270)])),
        "●": ("disc", lambda pen: circle(pen, 300, mid, 230)),
        "○": ("ring", lambda pen: ring(pen, 300, mid, 230, stroke)),
        "■": ("square.full", lambda pen: box(pen, 60, mid - 240, 540, mid + 240)),
        "□": ("square.hollow", hollow),
        "✕": ("cross", cross),
        "⚠": ("warning", warning),
        "⌘": ("command", command),
        "⏎": ("enter", enter),
        "↵": ("enter.arrow", enter),
        "⋯": ("dots.horizontal", lambda pen: [circle(pen, x, mid, 50) for x in (100, 300, 500)]),
        "⋮": ("dots.vertical", lambda pen: [circle(pen, 300, y, 50) for y in (mid - 200, mid, mid + 200)]),
    }


def add_symbols(font, stroke):
    for symbol, (name, draw) in drawn(stroke).items():
        if ord(symbol) in font.getBestCmap():
            continue
        pen = TTGlyphPen(None)
        draw(pen)
        glyph = pen.glyph()
        font["glyf"][name] = glyph
        glyph.recalcBounds(font["glyf"])
        font["hmtx"][name] = (CELL, glyph.xMin)
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap[ord(symbol)] = name
    font.setGlyphOrder(font["glyf"].glyphOrder)


def rename(font, family, weight):
    """"Plex" is a reserved font name, and a subset is a modified version: inside, the fonts carry ours."""
    table = font["name"]
    table.names = [record for record in table.names if record.nameID in (0, 13, 14) and record.platformID == 3]
    own = {1: family, 2: "Regular", 3: f"{family} {weight}", 4: f"{family} {weight}", 5: "Version 1.0", 6: f"{family}-{weight}".replace(" ", "")}
    for name_id, text in own.items():
        table.setName(text, name_id, 3, 1, 0x409)


def make(kind, weight, source, target):
    options = subset.Options()
    options.layout_features = FEATURES
    options.hinting = False
    options.glyph_names = False
    options.notdef_outline = True
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.drop_tables += ["DSIG", "gasp"]
    font = TTFont(source, recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=LATIN + SYMBOLS)
    subsetter.subset(font)
    add_symbols(font, 78 if weight == "Regular" else 104)
    rename(font, f"Quarterdeck {kind}", weight)
    font.flavor = None
    font.save(target)
    print(f"{target.name}: {target.stat().st_size} bytes, {len(font.getBestCmap())} characters")


def main():
    here = pathlib.Path(__file__).resolve().parent
    with tempfile.TemporaryDirectory() as work:
        for kind, package in PACKAGES.items():
            archive = subprocess.run(["npm", "pack", "--silent", package], cwd=work, check=True, capture_output=True, text=True).stdout.strip()
            unpacked = pathlib.Path(work, kind)
            unpacked.mkdir()
            subprocess.run(["tar", "-xzf", archive, "-C", unpacked], cwd=work, check=True)
            for weight in WEIGHTS:
                name = f"IBMPlex{kind}-{weight}"
                make(kind, weight, unpacked / "package/fonts/complete/woff2" / f"{name}.woff2", here / f"{name}.ttf")
            (here / "OFL.txt").write_text((unpacked / "package/LICENSE.txt").read_text(encoding="utf-8"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
