"""The style of the pages: light and dark, telephone and desk; nothing is loaded."""

from __future__ import annotations

from typing import Final

# Contrast is at least 4.5 for text and 3 for what only surrounds it, in both schemes.
STYLE: Final = """
:root {
  color-scheme: light dark;
  --ground: #f1f4f2; --card: #ffffff; --ink: #17211b; --soft: #56635b; --line: #d9e0db;
  --accent: #07713c; --accent-down: #055a30; --on-accent: #ffffff; --wash: #e6f4ec;
  --bad: #a8321f; --bad-wash: #fbeae7; --ring: #1a6fd4;
  --shadow: 0 1px 2px rgb(16 32 22 / .06), 0 12px 32px rgb(16 32 22 / .08);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #101512; --card: #19201c; --ink: #e9efeb; --soft: #a3b0a8; --line: #2f3a34;
    --accent: #3ad07f; --accent-down: #5fdd99; --on-accent: #06210f; --wash: #16321f;
    --bad: #ff9a87; --bad-wash: #3a1d18; --ring: #7db4ff; --shadow: none;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, "PingFang SC", "Hiragino Sans GB", "Noto Sans CJK SC",
    "Microsoft YaHei", sans-serif;
}
.page {
  min-height: 100vh; min-height: 100svh; max-width: 33rem; margin: 0 auto;
  padding: 1rem 1rem 1.5rem; display: flex; flex-direction: column; gap: 1rem;
}
header {
  min-height: 2.75rem; display: flex; align-items: center; justify-content: space-between;
  gap: 1rem;
}
.brand { margin: 0; font-weight: 600; min-width: 0; overflow-wrap: anywhere; }
nav a {
  display: inline-flex; align-items: center; min-height: 2.75rem; padding: 0 .75rem;
  margin-right: -.75rem; color: var(--soft); border-radius: .5rem; white-space: nowrap;
}
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 1rem;
  padding: 1.75rem 1.25rem; box-shadow: var(--shadow);
}
.sign {
  width: 3.5rem; height: 3.5rem; border-radius: 50%; display: grid; place-items: center;
  margin-bottom: 1rem; background: var(--wash); color: var(--accent);
}
.sign.bad { background: var(--bad-wash); color: var(--bad); }
.sign.good { background: var(--accent); color: var(--on-accent); }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 .5rem; text-wrap: balance; }
h2 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
p { margin: 0 0 .75rem; }
.lead { color: var(--soft); }
.small { font-size: .875rem; color: var(--soft); }
.facts { margin: 1.25rem 0; border-top: 1px solid var(--line); }
.facts > div { padding: .75rem 0; border-bottom: 1px solid var(--line); }
.facts:last-child { margin-bottom: 0; }
.facts:last-child > div:last-child { border-bottom: 0; padding-bottom: 0; }
.facts dt { color: var(--soft); font-size: .875rem; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
code { font: .9375em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; color: inherit; }
.sub { display: block; color: var(--soft); font-size: .875rem; }
.sets {
  list-style: none; display: flex; flex-wrap: wrap; gap: .375rem; padding: 0;
  margin: .25rem 0 .375rem;
}
.sets li {
  padding: .125rem .625rem; border-radius: 1rem; border: 1px solid var(--line); font-size: .9375rem;
}
ol.steps { margin: 0; padding: 0; list-style: none; counter-reset: step; }
ol.steps li { counter-increment: step; position: relative; padding: .25rem 0 .25rem 2.25rem; }
ol.steps li::before {
  content: counter(step); position: absolute; left: 0; top: .3125rem; width: 1.5rem; height: 1.5rem;
  border-radius: 50%; background: var(--wash); color: var(--accent); font-size: .875rem;
  font-weight: 600; line-height: 1.5rem; text-align: center;
}
.hints { margin: 0 0 1.25rem; padding-left: 1.25rem; }
.accounts { list-style: none; padding: 0; margin: 1.25rem 0 0; }
.accounts li {
  padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .75rem; margin-bottom: .5rem;
  overflow-wrap: anywhere;
}
form { margin: 1.25rem 0 .75rem; }
.button {
  display: flex; align-items: center; justify-content: center; width: 100%; min-height: 3.25rem;
  padding: .5rem 1rem; border: 0; border-radius: .75rem; background: var(--accent);
  color: var(--on-accent); font: inherit; font-size: 1.0625rem; font-weight: 600;
  text-align: center; text-decoration: none; cursor: pointer;
  -webkit-appearance: none; appearance: none;
}
.button:hover, .button:active { background: var(--accent-down); }
a { color: var(--accent); text-underline-offset: .2em; }
:focus-visible { outline: 3px solid var(--ring); outline-offset: 3px; border-radius: .5rem; }
.button:focus-visible { border-radius: .75rem; }
.dots { display: flex; gap: .375rem; margin: 1.25rem 0 0; }
.dots span {
  width: .5rem; height: .5rem; border-radius: 50%; background: var(--accent); opacity: .35;
}
@media (prefers-reduced-motion: no-preference) {
  .dots span { animation: breathe 1.4s infinite ease-in-out; }
  .dots span:nth-child(2) { animation-delay: .2s; }
  .dots span:nth-child(3) { animation-delay: .4s; }
}
@keyframes breathe { 0%, 80%, 100% { opacity: .25; } 40% { opacity: 1; } }
details { margin-top: 1.25rem; border-top: 1px solid var(--line); padding-top: .5rem; }
summary { cursor: pointer; padding: .625rem 0; color: var(--soft); }
details .facts { margin: 0; border-top: 0; }
footer { text-align: center; margin-top: auto; overflow-wrap: anywhere; }
@media (min-width: 40rem) {
  .page { padding: 2.5rem 1rem; justify-content: center; gap: 1.25rem; }
  .card { padding: 2.25rem 2.25rem 2rem; }
  .facts > div { display: grid; grid-template-columns: 9rem 1fr; gap: 1rem; }
  .facts dt { padding-top: .125rem; }
  footer { margin-top: 0; }
}
@media (forced-colors: active) { .button, .sign, .card { border: 1px solid; } }
"""
