"""How pages look: fonts of the system only, so that no browser asks another host for them."""

from __future__ import annotations

import gradio as gr

__all__ = ["CSS", "theme"]

CSS = """
.gradio-container { width: 100% !important; max-width: 1100px !important; margin: 0 auto !important; }
.gradio-container > main, .gradio-container .wrap > main { width: 100%; }
.nav-holder { display: none !important; }
.zoo { display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 1rem; padding: 0; }
.zoo a.card { text-align: left; display: flex; flex-direction: column; gap: .4rem; padding: .8rem; border-radius: .6rem;
  border: 1px solid var(--border-color-primary); background: var(--block-background-fill);
  color: var(--body-text-color); text-decoration: none; overflow-wrap: anywhere; }
.zoo a.card:hover, .zoo a.card:focus-visible { border-color: var(--color-accent); }
a:focus-visible, button:focus-visible, .zoo a.card:focus-visible { outline: 3px solid var(--color-accent);
  outline-offset: 2px; }
.zoo .sheet { width: 100%; aspect-ratio: 2 / 1; object-fit: contain; background: var(--background-fill-secondary);
  border-radius: .4rem; display: flex; align-items: center; justify-content: center; text-align: center;
  color: var(--body-text-color-subdued); font-size: .85rem; }
.zoo b { font-size: 1.05rem; }
.zoo small { color: var(--body-text-color-subdued); }
.small img, .zoo img { image-rendering: pixelated; }
.one img { width: min(100%, 640px) !important; height: auto !important; object-fit: contain !important; }
.one .image-frame, .guess .image-frame { width: 100%; padding-top: 2rem; }
.guess img { width: 200px !important; height: 200px !important; object-fit: contain !important; }
#score { min-height: 4.8em; }
.grid-wrap { max-height: none !important; }
table.facts { border-collapse: collapse; width: 100%; font-size: .9rem; }
table.facts th, table.facts td { text-align: left; padding: .25rem .6rem; overflow-wrap: anywhere;
  border-bottom: 1px solid var(--border-color-primary); vertical-align: top; }
.wide { overflow-x: auto; }
@media (max-width: 640px) {
  .grid-container { grid-template-columns: repeat(auto-fill, minmax(72px, 1fr)) !important; }
}
"""


def theme() -> gr.themes.Base:
    """Gradio's plain theme with fonts of the system."""
    return gr.themes.Base(
        primary_hue="blue",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "monospace"],
    )
