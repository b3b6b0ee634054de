"""The S3 door: buckets of a namespace, spoken in the protocol that object storage speaks.

It authenticates (`sigv4`), translates a request into one operation (`routes`), and keeps objects
durably (`storage`). Everything it needs from outside is a protocol in `ports`. Next: `ports.py`.
"""
