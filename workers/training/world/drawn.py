"""Things that the emoji font lacks, drawn at four times their size and scaled down. Each returns an RGBA picture."""

from collections.abc import Callable

from PIL import Image, ImageDraw

SIDE = 512
_OUT = 128


def _sheet() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
    return picture, ImageDraw.Draw(picture)


def _done(picture: Image.Image) -> Image.Image:
    return picture.resize((_OUT, _OUT), Image.Resampling.LANCZOS)


def dumbbell() -> Image.Image:
    picture, draw = _sheet()
    draw.rounded_rectangle((90, 236, 422, 276), 10, "#9aa4ad")
    for left, height, colour in ((20, 90, "#4a5560"), (64, 150, "#2f3841"), (108, 190, "#3d4853")):
        for x in (left, SIDE - left - 44):
            draw.rounded_rectangle((x, 256 - height, x + 44, 256 + height), 14, colour)
            draw.rounded_rectangle((x + 8, 266 - height, x + 16, 246 + height), 4, "#6b7884")
    return _done(picture)


def washing_machine() -> Image.Image:
    picture, draw = _sheet()
    draw.rounded_rectangle((60, 20, 452, 500), 26, "#eef1f4", "#8d98a3", 8)
    draw.line((64, 130, 448, 130), "#8d98a3", 6)
    draw.rounded_rectangle((90, 50, 210, 100), 10, "#c3ccd4")
    draw.ellipse((370, 48, 422, 100), "#7b8791")
    draw.ellipse((300, 56, 336, 92), "#4caf50")
    draw.ellipse((116, 170, 396, 450), "#7b8791")
    draw.ellipse((146, 200, 366, 420), "#2f6f9f")
    draw.chord((146, 200, 366, 420), 20, 160, "#7cc3ee")
    draw.ellipse((190, 320, 232, 362), "#ffffff")
    draw.ellipse((250, 344, 278, 372), "#ffffff")
    draw.ellipse((286, 300, 322, 336), "#e57373")
    return _done(picture)


def comb() -> Image.Image:
    picture, draw = _sheet()
    draw.rounded_rectangle((20, 140, 492, 226), 36, "#7a3e1d")
    for x in range(40, 470, 26):
        draw.rounded_rectangle((x, 200, x + 14, 372), 7, "#8f4c26")
    return _done(picture)


def hair_dryer() -> Image.Image:
    picture, draw = _sheet()
    draw.polygon([(250, 250), (350, 250), (320, 480), (246, 480)], "#b71c5a")
    draw.rounded_rectangle((110, 70, 420, 290), 100, "#e0417f")
    draw.polygon([(30, 110), (150, 90), (150, 270), (30, 250)], "#4a5560")
    draw.ellipse((330, 110, 470, 250), "#8e1546")
    draw.ellipse((360, 140, 440, 220), "#d9dee3")
    draw.rounded_rectangle((270, 320, 306, 392), 12, "#f5c0d5")
    return _done(picture)


def nail_polish() -> Image.Image:
    picture, draw = _sheet()
    draw.rounded_rectangle((196, 20, 316, 250), 30, "#23272b")
    draw.rounded_rectangle((216, 30, 234, 240), 8, "#5b636b")
    draw.rectangle((180, 246, 332, 280), "#c9a227")
    draw.rounded_rectangle((110, 276, 402, 496), 60, "#d81b60")
    draw.rounded_rectangle((140, 310, 174, 460), 16, "#f48fb1")
    return _done(picture)


def watering_can() -> Image.Image:
    picture, draw = _sheet()
    draw.arc((40, 90, 250, 420), 80, 285, "#2e7d32", 34)
    draw.polygon([(350, 330), (460, 140), (492, 158), (360, 440)], "#388e3c")
    draw.polygon([(420, 150), (470, 90), (510, 120), (505, 190)], "#1b5e20")
    draw.polygon([(140, 190), (360, 190), (390, 470), (110, 470)], "#43a047")
    draw.ellipse((140, 160, 360, 220), "#1b5e20")
    draw.polygon([(160, 240), (190, 240), (176, 440), (146, 440)], "#81c784")
    return _done(picture)


def green_cross() -> Image.Image:
    picture, draw = _sheet()
    draw.rounded_rectangle((16, 16, 496, 496), 40, "#ffffff", "#0c8a43", 18)
    draw.rectangle((196, 80, 316, 432), "#12a150")
    draw.rectangle((80, 196, 432, 316), "#12a150")
    return _done(picture)


def eye_chart() -> Image.Image:
    picture, draw = _sheet()
    draw.rounded_rectangle((90, 10, 422, 502), 16, "#fdfdfd", "#5b636b", 12)
    rows = ((1, 110, 40), (2, 76, 176), (3, 54, 280), (4, 38, 366), (5, 26, 436))
    for count, side, top in rows:
        gap = side * 1.35
        for step in range(count):
            x = 256 + (step - (count - 1) / 2) * gap - side / 2
            bar = side / 5  # the tumbling E of Snellen's charts: no letter that anybody could read
            draw.rectangle((x, top, x + bar, top + side), "#111111")
            for arm in range(3):
                draw.rectangle((x, top + arm * 2 * bar, x + side, top + (arm * 2 + 1) * bar), "#111111")
    return _done(picture)


def table_lamp() -> Image.Image:
    picture, draw = _sheet()
    draw.ellipse((150, 440, 362, 504), "#6d4c41")
    draw.rectangle((242, 230, 270, 470), "#8d6e63")
    draw.polygon([(176, 20), (336, 20), (430, 260), (82, 260)], "#ffe082")
    draw.polygon([(176, 20), (220, 20), (190, 260), (82, 260)], "#fff3c4")
    draw.rectangle((82, 248, 430, 266), "#ffb300")
    return _done(picture)


def tyre() -> Image.Image:
    picture, draw = _sheet()
    draw.ellipse((16, 16, 496, 496), "#2b2f33")
    draw.ellipse((44, 44, 468, 468), "#3d4348")
    draw.ellipse((110, 110, 402, 402), "#cfd6dc")
    draw.ellipse((130, 130, 382, 382), "#8b969f")
    for x, y in ((256, 180), (328, 232), (300, 318), (212, 318), (184, 232)):
        draw.ellipse((x - 30, y - 30, x + 30, y + 30), "#343a3f")
    draw.ellipse((226, 226, 286, 286), "#e8ecef")
    return _done(picture)


SHAPES: dict[str, Callable[[], Image.Image]] = {
    shape.__name__: shape
    for shape in (
        dumbbell, washing_machine, comb, hair_dryer, nail_polish, watering_can, green_cross, eye_chart,
        table_lamp, tyre,
    )
}  # fmt: skip
