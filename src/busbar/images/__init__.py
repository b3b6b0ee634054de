"""Container images: names, refusals, the cloud's image store and the recipes that fill it.

Knows only the model. The registry door serves the store, the CLI fills it, and the agent shares
the names, the refusals and the way skopeo is run. Start with `reference.py`.
"""
