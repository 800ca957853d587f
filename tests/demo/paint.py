"""Two columns on a terminal, 80 to 98 wide, in colour where that is wanted."""

import os
import shutil
import sys
import textwrap

LEFT = 41
LEAST_RIGHT, MOST_RIGHT = 34, 52  # with margins and the line between them: 80, 98
COLOURS = {"bold": "1", "dim": "2", "good": "32", "bad": "31", "head": "1;36"}


class Painter:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.colour = out.isatty() and not os.environ.get("NO_COLOR")
        wide = shutil.get_terminal_size((98, 24)).columns - (98 - MOST_RIGHT)
        self.right = min(max(wide, LEAST_RIGHT), MOST_RIGHT)

    def paint(self, text, style):
        if not self.colour or not style:
            return text
        return f"\x1b[{COLOURS[style]}m{text}\x1b[0m"

    def line(self, text="", style=None):
        print(self.paint(text, style), file=self.out, flush=True)

    def paragraph(self, text, style=None):
        for line in textwrap.wrap(text, LEFT + self.right):
            self.line("  " + line, style)

    def columns(self, left, right, rows):
        """Prints `rows` of (label, left text, right text, right style) under the
        two titles."""
        self.row(left, right, "head", "head")
        self.line("  " + "─" * LEFT + "┼" + "─" * (self.right + 1), "dim")
        for label, asked, seen, style in rows:
            self.labelled(label, asked, seen, style)

    def labelled(self, label, asked, seen, style):
        asked = wrap(asked, LEFT - 13) or [""]
        seen = wrap(seen, self.right) or [""]
        for at in range(max(len(asked), len(seen))):
            name = label if at == 0 else ""
            left = f"{name:<12}" + (asked[at] if at < len(asked) else "")
            self.row(left, seen[at] if at < len(seen) else "", None, style)

    def row(self, left, right, left_style, right_style):
        left = self.paint(f"{left:<{LEFT}}", left_style)
        bar = self.paint("│", "dim")
        self.line(f"  {left}{bar} {self.paint(right, right_style)}".rstrip())

    def verdict(self, holds, text):
        mark = "✓" if holds else "✗"
        self.line(f"  {self.paint(mark, 'good' if holds else 'bad')} {text}")


def wrap(text, width):
    return textwrap.wrap(text, width, break_on_hyphens=False)
