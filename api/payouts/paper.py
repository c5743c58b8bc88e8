"""A4 pages: blocks one below the other, a table's heading again on each page, and `page x of y`. By reportlab.

The font is Noto Sans (SIL Open Font License, from the package fontpkg-noto-sans): Latin, Greek, Cyrillic, Vietnamese,
Devanagari. A character that it lacks is drawn as `?`. The same blocks make the same bytes.
"""

import io
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

MARGIN = 36.0
WIDTH: float = A4[0] - 2 * MARGIN
HEIGHT: float = A4[1] - 2 * MARGIN - 24
INK, GREY, RULE, PALE, WARNING = map(HexColor, ("#17202a", "#5d6d7e", "#d5d8dc", "#f2f4f5", "#9c4a00"))
SANS, MONO = "MoltSans", "Courier"
_ONE_AT_A_TIME = threading.Lock()
"""A font of reportlab's serves all documents, and a long one takes a processor for seconds."""


@dataclass(frozen=True)
class Block:
    """So high, drawn below a line; never cut. `heading` stands above it wherever a page begins with it."""

    height: float
    draw: "Callable[[Pen], None]"
    heading: "Block | None" = None


@dataclass(frozen=True)
class Pen:
    """Writes on one page, in points right of the margin and below the block's top."""

    canvas: Canvas
    top: float

    def text(self, x: float, y: float, text: str, size: float = 8, color: Color = INK, *, bold: bool = False) -> None:
        self._write(MARGIN + x, y, text, SANS, size, color, bold=bold)

    def right(
        self, x: float, y: float, text: str, size: float = 8, color: Color = INK, *, bold: bool = False, room: float = 0
    ) -> None:
        """Ends at `x`; smaller where it would need more than `room`."""
        width = pdfmetrics.stringWidth(text, SANS, size)
        if room and width > room:
            size, width = size * room / width, room
        self._write(MARGIN + x - width, y, text, SANS, size, color, bold=bold)

    def mono(self, x: float, y: float, text: str, size: float = 5.6, color: Color = GREY) -> None:
        self._write(MARGIN + x, y, text, MONO, size, color)

    def rule(self, y: float, color: Color = RULE, width: float = 0.5) -> None:
        self.canvas.setStrokeColor(color)
        self.canvas.setLineWidth(width)
        self.canvas.line(MARGIN, self.top - y, MARGIN + WIDTH, self.top - y)

    def box(self, y: float, height: float, color: Color = PALE) -> None:
        self.canvas.setFillColor(color)
        self.canvas.rect(MARGIN, self.top - y - height, WIDTH, height, stroke=0, fill=1)

    def _write(  # noqa: PLR0917
        self, x: float, y: float, text: str, font: str, size: float, color: Color, *, bold: bool = False
    ) -> None:
        line = self.canvas.beginText(x, self.top - y)
        line.setFont(font, size)
        line.setFillColor(color)
        if bold:  # the font has no bold: its outlines are drawn, too
            line.setStrokeColor(color)
            self.canvas.setLineWidth(size / 30)
        line.setTextRenderMode(2 if bold else 0)
        line.textOut(text)
        line.setTextRenderMode(0)
        self.canvas.drawText(line)


def printed(blocks: Sequence[Block], *, title: str, footer: str) -> bytes:
    with _ONE_AT_A_TIME:
        _font()
        pages = _paginated(blocks)
        out = io.BytesIO()
        canvas = Canvas(out, pagesize=A4, invariant=1, lang="en")
        canvas.setTitle(title)
        canvas.setAuthor("Molt Studios")
        for number, page in enumerate(pages, start=1):
            top = MARGIN + 24 + HEIGHT
            for block in page:
                block.draw(Pen(canvas, top))
                top -= block.height
            _footer(Pen(canvas, MARGIN + 12), footer, f"page {number} of {len(pages)}")
            canvas.showPage()
        canvas.save()
        return out.getvalue()


def showable(text: str) -> str:
    """What the font can show of it; `?` for the rest."""
    known = _font().face.charToGlyph
    return "".join(each if ord(each) in known and each.isprintable() else "?" for each in text)


def wrapped(text: str, width: float, size: float) -> list[str]:
    """In lines; a word that is too long is cut."""
    _font()
    lines: list[str] = []
    for line in simpleSplit(text, SANS, size, width):
        rest = line
        while pdfmetrics.stringWidth(rest, SANS, size) > width:
            fits = next(n for n in range(len(rest), 0, -1) if pdfmetrics.stringWidth(rest[:n], SANS, size) <= width)
            lines.append(rest[:fits])
            rest = rest[fits:]
        lines.append(rest)
    return lines or [""]


def _paginated(blocks: Sequence[Block]) -> list[list[Block]]:
    pages: list[list[Block]] = [[]]
    left = HEIGHT
    for block in blocks:
        if block.height > left and pages[-1]:
            pages.append([block.heading] if block.heading else [])
            left = HEIGHT - (block.heading.height if block.heading else 0)
        pages[-1].append(block)
        left -= block.height
    return pages


def _footer(pen: Pen, text: str, page: str) -> None:
    pen.rule(0)
    pen.text(0, 10, text, 6.5, GREY)
    pen.right(WIDTH, 10, page, 6.5, GREY)


@lru_cache
def _font() -> TTFont:
    with as_file(files("fontpkg_noto_sans") / "files" / "NotoSans[wdth,wght].ttf") as path:
        font = TTFont(SANS, str(path))
    pdfmetrics.registerFont(font)
    return font
