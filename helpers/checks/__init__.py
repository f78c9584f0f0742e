"""Checks of the exercises, a module per lesson; `helpers.checks.engine` says how to write one."""
