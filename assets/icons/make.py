"""Draws icons.ttf, the symbols on the window's buttons: python make.py (with fontTools from PyPI).

Polygons on a square of 1000 units that stands on the line at 0; outlines run clockwise, holes the other way round.
"""

from math import cos, pi, sin

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

SIDE, ASCENT, DESCENT = 1000, 950, -250


def rectangle(left, bottom, right, top):
    return [(left, bottom), (left, top), (right, top), (right, bottom)]


def hole(points):
    return points[::-1]


def ring(count, radius, x=500, y=380, start=pi / 2):
    """Points around a centre, clockwise; radius may change from point to point."""
    at = lambda i: radius if isinstance(radius, int) else radius[i % len(radius)]
    return [(x + at(i) * cos(start - 2 * pi * i / count), y + at(i) * sin(start - 2 * pi * i / count)) for i in range(count)]


def triangle(left, bottom, right, top):
    return [(left, bottom), (left, top), (right, (bottom + top) / 2)]


def turned(points, quarter_turns):
    for _ in range(quarter_turns):
        points = [(500 + (y - 380), 380 - (x - 500)) for x, y in points]
    return points


play = triangle(230, 60, 830, 700)
star = ring(10, [400, 165])
cross = [
    (500, 470), (740, 710), (830, 620), (590, 380), (830, 140), (740, 50), (500, 290), (260, 50), (170, 140), (410, 380),
    (170, 620), (260, 710),
]
sun = [ring(24, 170)] + [
    turned_ray for i in range(8)
    for turned_ray in [[(500 + r * cos(a + d), 380 + r * sin(a + d)) for r, d in
                        [(250, 0.12), (390, 0.075), (390, -0.075), (250, -0.12)]]
                       for a in [2 * pi * i / 8]]
]
moon = [(560 + 330 * cos(t), 380 + 330 * sin(t)) for t in [pi * (0.45 + 1.4 * i / 30) for i in range(31)]][::-1]
moon += [(700 + 260 * cos(t), 420 + 260 * sin(t)) for t in [pi * (0.55 + 1.15 * i / 24) for i in range(25)]]
screen = [rectangle(110, 180, 890, 700), hole(rectangle(180, 250, 820, 630)), rectangle(330, 60, 670, 120), rectangle(450, 110, 550, 190)]
can = [
    [(250, 40), (220, 560), (780, 560), (750, 40)],
    hole([(330, 120), (310, 480), (420, 480), (425, 120)]),
    hole([(575, 120), (580, 480), (690, 480), (670, 120)]),
    rectangle(170, 600, 830, 670),
    rectangle(400, 690, 600, 750),
]

ICONS = {
    "▶": [play],
    "⏵": [play],
    "⏴": [turned(play, 2)],
    "⏶": [turned(play, 3)],
    "⏷": [turned(play, 1)],
    "⏸": [rectangle(230, 60, 420, 700), rectangle(580, 60, 770, 700)],
    "⏹": [rectangle(200, 80, 800, 680)],
    "■": [rectangle(200, 80, 800, 680)],
    "⏭": [triangle(120, 60, 450, 700), triangle(450, 60, 780, 700), rectangle(790, 60, 890, 700)],
    "★": [star],
    "☆": [star, hole(ring(10, [300, 120]))],
    "✖": [cross],
    "❌": [cross],
    "🗙": [cross],
    "☀": sun,
    "🌙": [moon],
    "💻": screen,
    "🖥": screen,
    "🗑": can,
    # A transposed matrix.
    "ᵀ": [rectangle(20, 650, 400, 710), rectangle(180, 340, 240, 660)],
}
# Others are as wide as they are high.
WIDTHS = {"ᵀ": 420}


def glyph(outlines):
    pen = TTGlyphPen(None)
    for points in outlines:
        points = [(round(x), round(y)) for x, y in points]
        pen.moveTo(points[0])
        [pen.lineTo(point) for point in points[1:]]
        pen.closePath()
    return pen.glyph()


names = {icon: f"u{ord(icon):05X}" for icon in ICONS}
order = [".notdef", *names.values()]
font = FontBuilder(SIDE, isTTF=True)
font.setupGlyphOrder(order)
font.setupCharacterMap({ord(icon): name for icon, name in names.items()})
font.setupGlyf({".notdef": glyph([]), **{names[icon]: glyph(outlines) for icon, outlines in ICONS.items()}})
font.setupHorizontalMetrics({".notdef": (SIDE, 0), **{names[icon]: (WIDTHS.get(icon, SIDE), 0) for icon in ICONS}})
font.setupHorizontalHeader(ascent=ASCENT, descent=DESCENT)
font.setupNameTable({"familyName": "DSF Explorer icons", "styleName": "Regular"})
font.setupOS2(sTypoAscender=ASCENT, sTypoDescender=DESCENT)
font.setupPost()
font.font["head"].created = font.font["head"].modified = 0
font.save("icons.ttf")
