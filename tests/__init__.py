"""Tests of the course; `tests.browser` opens JupyterLab for those of the widgets."""
