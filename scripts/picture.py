"""Draws what a command printed as SVG, for the README.

`FORCE_COLOR=1 COLUMNS=84 make up >up.txt`, then `python scripts/picture.py up.txt docs/images/up.svg "make up"`.
"""

import os
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

REDRAWN = re.compile("[\u2800-\u28ff]")  # a spinner's frame, which the next line overwrote
CURSOR = re.compile(r"\x1b\[\??[0-9]*[A-HJKhl]")

source, target, title = sys.argv[1:4]
with Path(os.devnull).open("w") as nowhere:
    console = Console(record=True, width=84, file=nowhere, force_terminal=True)
    for line in Path(source).read_text().splitlines():
        text = CURSOR.sub("", line)
        if text.strip() and not REDRAWN.search(text):
            console.print(Text.from_ansi(text))
    console.save_svg(target, title=title)
