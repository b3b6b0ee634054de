"""Paying in: once per key, to namespaces that exist."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from busbar.model.objects import Key
from busbar.server.money import MoneyRefused, TopUp, enter
from busbar.store.contract import ANY, Put, Transaction
from busbar.store.memory import MemoryStore

NOW = 1_800_000_000_000


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "xyz"}}
    store.commit_now(Transaction((Put(Key("", "namespaces", "", "xyz"), namespace, ANY),)))
    return store


def pay(
    store: MemoryStore, euro: str, key: str = "k", namespace: str = "xyz", at: int = NOW
) -> dict[str, Any]:
    return asyncio.run(enter(store, TopUp(namespace, euro, key), at))


def balance(store: MemoryStore) -> int:
    return store.snapshot_now().balance("ns/xyz/available")


def test_a_payment_is_credited_and_answered_by_the_balance(store: MemoryStore) -> None:
    assert pay(store, "12.5") == {
        "namespace": "xyz",
        "euro": "12.5",
        "repeated": False,
        "balance": "12.5",
        "held": "0",
    }
    assert balance(store) == 12_500_000_000


def test_the_same_payment_again_has_no_effect(store: MemoryStore) -> None:
    pay(store, "10")
    pay(store, "3", key="another")
    again = pay(store, "10", at=NOW + 60_000)
    assert (again["repeated"], again["balance"]) == (True, "13")
    assert balance(store) == 13_000_000_000


def test_the_account_shows_a_payment_at_once(store: MemoryStore) -> None:
    key = Key("busbar.dev", "accounts", "xyz", "account")
    account = {"apiVersion": "busbar.dev/v1alpha1", "kind": "Account"}
    account["metadata"] = {"name": "account", "namespace": "xyz"}  # type: ignore[assignment]
    store.commit_now(Transaction((Put(key, account, ANY),)))
    pay(store, "10")
    shown = store.snapshot_now().get(key)
    assert shown is not None
    assert shown["status"]["balance"] == "10"


def test_the_same_key_with_another_amount_is_refused(store: MemoryStore) -> None:
    pay(store, "10")
    with pytest.raises(MoneyRefused) as refused:
        pay(store, "11")
    assert refused.value.status == 409
    assert balance(store) == 10_000_000_000


@pytest.mark.parametrize("euro", ["-1", "-0", "NaN", "1e400", "0", "0.0000000001", "", "9" * 30])
def test_what_is_no_amount_is_refused_by_its_field(store: MemoryStore, euro: str) -> None:
    with pytest.raises(MoneyRefused, match=r"^euro:") as refused:
        pay(store, euro)
    assert refused.value.status == 422
    assert balance(store) == 0


def test_a_namespace_that_does_not_exist_gets_nothing(store: MemoryStore) -> None:
    with pytest.raises(MoneyRefused, match="'nosuch' does not exist") as refused:
        pay(store, "1", namespace="nosuch")
    assert refused.value.status == 404
