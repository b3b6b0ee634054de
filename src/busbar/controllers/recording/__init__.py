"""The public record: of each clearing what changed in the book, and a stretch of the book itself.

So the whole book of a large market is public without ever being written at once. `tables.py` holds
it as numbered lines, `cursor.py` says which are shown next, `recorder.py` writes a record. Who
reads them is `busbar.replay`. Start at `tables.py`.
"""
