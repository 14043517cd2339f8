"""The page that `ganzoo serve` opens. Only `app` and `pages` import gradio."""
