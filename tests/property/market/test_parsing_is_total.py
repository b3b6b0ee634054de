"""Whatever a user writes is an order, an offer, or a refusal with a path: never a crash."""

from __future__ import annotations

from json import dumps

from hypothesis import given, settings
from hypothesis import strategies as st

from busbar.market.book import Book
from busbar.market.clearing import clear
from busbar.market.offers import parse_offer, supply_rows, validate_offer
from busbar.market.orders import Order, parse_order
from busbar.model.errors import InvalidField
from busbar.model.time import parse_instant

NOW = parse_instant("2027-03-10T11:20:00Z", "now")

text = st.text(max_size=20)
numbers = st.one_of(st.integers(), st.floats(), st.sampled_from([2**63, 10**400, -0.0]))
prices = st.one_of(
    numbers,
    text,
    st.from_regex(r"\A-?\d{0,3}(\.\d{0,31})?([eE][+-]?\d{1,3})?\Z"),
    st.sampled_from(["NaN", "inf", "-0", "1e400", str(2**63), "0." + "1" * 30]),
)
quantities = st.one_of(st.from_regex(r"\A[+-]?\d{0,20}(\.\d{0,3})?[a-zA-Z]{0,2}\Z"), text, numbers)
durations = st.one_of(st.from_regex(r"\A(\d{1,6}d)?(\d{1,6}h)?(\d{1,3}m)?\Z"), text)
instants = st.one_of(st.from_regex(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z"), text)
TERMS = {
    "max-euro-per-dtu": prices.map(str),
    "region": text,
    "vendor": text,
    "not-after": instants,
    "may-wait": st.one_of(st.sampled_from(["true", "false"]), text),
    "expected-duration": durations,
    "avoid-nodes": text,
    "restrictions": st.one_of(text, st.deferred(lambda: written)),
}
scalar = st.one_of(st.none(), st.booleans(), numbers, text)
json = st.recursive(
    scalar,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(text, inner, max_size=3)),
    max_leaves=8,
)


words = st.sampled_from(
    ["allOf", "anyOf", "not", "attribute", "in", "notIn", "exists", "above", "atMost", "as", "a"]
)
written = st.recursive(
    scalar,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=4)),
    max_leaves=12,
).map(dumps)
required = st.one_of(
    json,
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "matchExpressions": st.lists(
                    st.fixed_dictionaries(
                        {},
                        optional={
                            "key": st.one_of(json, st.just("disk")),
                            "operator": st.sampled_from(["In", "NotIn", "Exists", "Gt", "Lt"]),
                            "values": st.lists(st.one_of(text, st.just("3")), max_size=2),
                        },
                    ),
                    max_size=2,
                )
            },
        ),
        max_size=2,
    ),
)


@st.composite
def pods(draw):
    chosen = draw(st.sets(st.sampled_from(sorted(TERMS))))
    notes = {f"busbar.dev/{name}": draw(TERMS[name]) for name in sorted(chosen)}
    resources = st.dictionaries(
        st.sampled_from(["cpu", "memory", "nvidia.com/gpu", "pods"]), quantities
    )
    containers = [
        {"name": "c", "resources": {"requests": draw(resources), "limits": draw(resources)}}
        for _ in range(draw(st.integers(0, 3)))
    ]
    return {
        "metadata": {"name": "p", "namespace": "ns", "uid": "u", "annotations": notes},
        "spec": {
            "containers": containers,
            "nodeSelector": draw(st.dictionaries(text, text)),
            **_affinity(draw(st.one_of(st.none(), required))),
        },
    }


def _affinity(terms):
    if terms is None:
        return {}
    key = "requiredDuringSchedulingIgnoredDuringExecution"
    return {"affinity": {"nodeAffinity": {key: {"nodeSelectorTerms": terms}}}}


def book():
    node = {
        "metadata": {"name": "n", "labels": {"busbar.dev/vendor": "v"}},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}},
    }
    offer = {"metadata": {"name": "o"}, "spec": {"vendor": "v", "pricePerDTU": "0.05"}}
    return Book.build(supply_rows([parse_offer(offer)], [node], lambda _: True))


@settings(max_examples=150, deadline=None)
@given(pods())
def test_a_pod_is_an_order_that_can_be_cleared_or_a_refusal_with_a_path(pod):
    found = parse_order(pod, {"metadata": {"name": "ns"}})
    if isinstance(found, Order):
        clearing = clear(book(), [found], NOW)
        assert len(clearing.matches) + len(clearing.refusals) == 1
    else:
        assert found.path
        assert 0 < len(found.sentence) < 500


FIELDS = ("vendor", "pricePerDTU", "calendar", "nodeSelector", "attributes", "reclaimNotice")
offers = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys((*FIELDS, "minimumTerm", "paused"), json),
        "pricePerDTU": prices,
        "calendar": st.fixed_dictionaries(
            {}, optional={"timeZone": json, "rules": json, "exceptions": json}
        ),
    },
)
rules = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "weekdays": json,
            "date": json,
            "from": st.one_of(json, st.sampled_from(["00:00", "24:00", "08:30"])),
            "until": st.one_of(json, st.sampled_from(["00:00", "24:00", "08:30"])),
            "pricePerDTU": prices,
            "available": json,
        },
    ),
    max_size=3,
)


def outcome(obj):
    try:
        return parse_offer(obj)
    except InvalidField as refused:
        return refused


@settings(max_examples=200, deadline=None)
@given(st.one_of(offers, json, rules.map(lambda r: {"calendar": {"rules": r, "exceptions": r}})))
def test_an_offer_is_read_or_refused_with_paths_and_both_readers_agree(spec):
    obj = {"metadata": {"name": "o"}, "spec": spec}
    told = validate_offer(obj)
    assert all(path.startswith("spec") and message for path, message in told)
    if told and told[0][0] == "spec":
        return
    assert isinstance(outcome(obj), InvalidField) == bool(told)
