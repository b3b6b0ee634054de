"""Questions to the market that no object answers: quotes, and why an order waits.

`questions.py` is what both doors ask, /market/v1 and the Kubernetes one (QuoteReview, OrderReview).
`observatory.py` keeps a look at the market apart from the controllers'; `quotes.py` and `why.py`
ask it; `app.py` serves them below /market/v1, for reading only: nothing is stored.
"""
