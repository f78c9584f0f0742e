"""Widgets, a module per lesson, of ipywidgets only; each works in JupyterLab, Colab and VS Code."""
