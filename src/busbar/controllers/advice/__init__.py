"""Advice on what runs: gathered from a snapshot, decided by `busbar.advice`, published as objects.

Start at `controller.py`.
"""
