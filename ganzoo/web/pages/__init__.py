"""The pages, drawn with gradio."""
