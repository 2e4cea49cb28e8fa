"""The look of the sandbox's pages: one style sheet, nothing from outside."""

from __future__ import annotations

from html import escape
from typing import Final

CSS: Final = """
:root {
  color-scheme: light dark;
  --ground: #f2f4f3; --paper: #ffffff; --ink: #17201b; --soft: #5d6a63; --line: #dfe5e1;
  --green: #087a44; --green-ink: #ffffff; --tint: #e7f5ec; --red: #b3261e; --red-tint: #fdecea;
  --amber: #7a5200; --amber-tint: #fff3d6; --shadow: 0 1px 2px #0000000f, 0 6px 24px #0000000d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #111614; --paper: #1b2220; --ink: #e8eeea; --soft: #9fada5; --line: #2e3834;
    --green: #2fbf77; --green-ink: #06160d; --tint: #16301f; --red: #ff8a80; --red-tint: #3a1a18;
    --amber: #f3c769; --amber-tint: #372b10; --shadow: none;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink); line-height: 1.5; font-size: 16px;
  font-family: -apple-system, "Segoe UI", Roboto, "PingFang SC", "Noto Sans CJK SC", sans-serif;
  overflow-wrap: anywhere;
}
main { max-width: 1080px; margin: 0 auto; padding: 20px 16px 48px; }
.ribbon {
  background: var(--amber-tint); color: var(--amber); font-size: 13px; text-align: center;
  padding: 7px 16px;
}
h1 { font-size: 22px; line-height: 1.3; margin: 0 0 4px; }
h2 { font-size: 17px; margin: 28px 0 12px; }
h3 { font-size: 16px; margin: 0; }
p { margin: 0 0 10px; }
[lang=en] { color: var(--soft); }
h1 [lang=en] { line-height: 1.6; }
.ribbon [lang=en], .tag [lang=en] { color: inherit; }
h1 [lang=en], h2 [lang=en], h3 [lang=en] { font-weight: 500; font-size: .85em; }
code { font: 13px/1.4 ui-monospace, Menlo, Consolas, monospace; }
.card {
  background: var(--paper); border: 1px solid var(--line); border-radius: 14px; padding: 18px;
  box-shadow: var(--shadow);
}
.note { color: var(--soft); font-size: 14px; }
.tag {
  display: inline-block; font-size: 12px; line-height: 1.6; padding: 1px 9px; border-radius: 12px;
  background: var(--ground); color: var(--soft);
}
.tag.good { background: var(--tint); color: var(--green); }
.tag.bad { background: var(--red-tint); color: var(--red); }
.tag.wait { background: var(--amber-tint); color: var(--amber); }
button, .button {
  font: inherit; font-size: 15px; font-weight: 600; border-radius: 10px; padding: 9px 16px;
  min-height: 44px; border: 1px solid var(--line); background: var(--paper); color: var(--ink);
  cursor: pointer; text-decoration: none; display: inline-block;
}
button.main { background: var(--green); color: var(--green-ink); border-color: var(--green); }
button.danger { color: var(--red); }
button:hover, .button:hover { filter: brightness(.96); }
:focus-visible { outline: 3px solid var(--green); outline-offset: 2px; }
a { color: var(--green); }
.ticks { display: grid; gap: 8px; grid-template-columns: repeat(auto-fill, minmax(148px, 1fr)); }
.tick {
  display: flex; gap: 10px; align-items: flex-start; padding: 9px 11px; border-radius: 10px;
  border: 1px solid var(--line); font-size: 14px; line-height: 1.35; cursor: pointer;
}
.tick:has(:checked) { border-color: var(--green); background: var(--tint); }
.tick [lang=en] { display: block; font-size: 12px; }
.tick [lang=en]::before { content: attr(data-number) " · "; }
input { accent-color: var(--green); width: 18px; height: 18px; margin: 1px 0 0; flex: none; }
fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
legend { padding: 0; font-weight: 600; margin-bottom: 10px; }
"""


def document(*, title: str, body: str, nonce: str, css: str = "", script: str = "") -> str:
    """Return a whole page. ``title`` is text; the others go in as they are."""
    tail = f'<script nonce="{nonce}">{script}</script>' if script else ""
    return (
        '<!doctype html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n"
        '<link rel="icon" href="data:,">\n'
        f'<style nonce="{nonce}">{CSS}{css}</style>\n</head>\n<body>\n{body}\n{tail}</body>\n'
        "</html>\n"
    )


def both(chinese: str, english: str, *, apart: str = " ") -> str:
    """Return a text in both languages."""
    return f'{escape(chinese)}{apart}<span lang="en">{escape(english)}</span>'
