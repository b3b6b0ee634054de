"""Commands that pay, price, let in and make."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.cli.fakes import BUSBAR, FakeCloud, Json, Result

Busbar = Callable[..., Result]
XYZ = f"{BUSBAR}/namespaces/xyz"
ACCOUNT = f"{XYZ}/accounts/account"


@pytest.fixture
def account(cloud: FakeCloud) -> Json:
    """An account whose object still says what was before the payment."""
    return cloud.add(ACCOUNT, spec={}, status={"balance": "0", "spentThisMonth": "3"})


def test_a_payment_is_shown_in_the_balance_as_committed(
    busbar: Busbar, cloud: FakeCloud, account: Json
) -> None:
    result = busbar("account", "--top-up", "10", "--key", "k", "-o", "json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["status"] == {
        "balance": "10",
        "held": "0",
        "spentThisMonth": "3",
    }
    body = {"namespace": "xyz", "euro": "10", "idempotencyKey": "k"}
    assert ("POST", "/money/v1/topups", body) in cloud.requests
    assert not [target for _, target, _ in cloud.requests if "watch" in target]


def test_a_payment_made_twice_under_one_key_says_so(busbar: Busbar, account: Json) -> None:
    assert "before" not in busbar("account", "--top-up", "10", "--key", "k").err
    result = busbar("account", "--top-up", "10", "--key", "k")
    assert result.code == 0
    assert "a payment of 10 € was entered under the key k before" in result.err
    assert "xyz        10" in result.out


def test_the_account_of_a_new_namespace_is_waited_for(busbar: Busbar, cloud: FakeCloud) -> None:
    added = {"metadata": {"resourceVersion": "7"}, "spec": {}}
    cloud.events[f"{XYZ}/accounts"] = [[{"type": "ADDED", "object": added}]]
    result = busbar("account", "--top-up", "10")
    assert (result.code, result.err) == (0, "")
    assert "xyz        10" in result.out


def test_a_namespace_without_an_account_says_so(busbar: Busbar) -> None:
    result = busbar("account")
    assert result.code == 4
    assert "namespace xyz has no account yet" in result.err


def test_a_payment_into_no_namespace_is_refused(busbar: Busbar, cloud: FakeCloud) -> None:
    result = busbar("account", "-n", "other", "--top-up", "10")
    assert (result.code, result.out) == (4, "")
    assert cloud.payments == {}


def test_only_an_operator_pays_in(busbar: Busbar, cloud: FakeCloud, account: Json) -> None:
    cloud.refuse("POST", "/money/v1/topups", 403, "only an operator may enter payments")
    result = busbar("account", "--top-up", "10")
    assert result == Result(5, "", "busbar: only an operator may enter payments\n")


def test_a_budget_is_set_and_removed(busbar: Busbar, cloud: FakeCloud, account: Json) -> None:
    assert "5\n" in busbar("account", "--budget", "5").out
    assert "none\n" in busbar("account", "--budget", "none").out
    assert cloud.objects[ACCOUNT]["spec"] == {"budget": None}


@pytest.mark.parametrize("option", ["--top-up", "--budget"])
@pytest.mark.parametrize("amount", ["abc", "-5", "1e3", "0.0000000001"])
def test_an_amount_that_is_none_exits_2(
    busbar: Busbar, account: Json, option: str, amount: str
) -> None:
    result = busbar("account", option, amount)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"busbar: {option}: ")


def test_an_offer_is_made(busbar: Busbar, cloud: FakeCloud) -> None:
    result = busbar("offer", "day", "--vendor", "elastx", "--price", "0.03")
    assert result.code == 0
    assert "day   elastx  0.03" in result.out
    assert cloud.objects[f"{BUSBAR}/offers/day"]["spec"]["pricePerDTU"] == "0.03"


def test_the_offers_of_a_file_are_made_and_shown(
    busbar: Busbar, cloud: FakeCloud, tmp_path: Path
) -> None:
    one = (
        "apiVersion: busbar.dev/v1alpha1\nkind: Offer\nmetadata: {name: NAME}\nspec: {vendor: v}\n"
    )
    file = tmp_path / "offers.yaml"
    file.write_text("---\n".join(one.replace("NAME", name) for name in ("a", "b")))
    cloud.add(f"{BUSBAR}/offers/other", spec={})
    names = [line.split()[0] for line in busbar("offer", "-f", file).out.splitlines()]
    assert names == ["NAME", "a", "b"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("x", "--vendor", "v", "--price", "abc"), "--price: 'abc' is not a price"),
        (("x", "--vendor", "v", "--price", "-1"), "--price: must not be negative"),
        (("x", "--price", "1"), "--vendor is missing"),
        (("x", "--vendor", "v"), "--price is missing"),
        (("--vendor", "v", "--price", "1"), "NAME is missing"),
        (("x", "-f", "FILE"), "-f stands alone"),
        (("-f", "FILE"), "kind: is 'Job', not Offer"),
    ],
    ids=str,
)
def test_half_an_offer_exits_2(
    busbar: Busbar, cloud: FakeCloud, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("apiVersion: busbar.dev/v1alpha1\nkind: Job\nmetadata: {name: a}\n")
    result = busbar("offer", *(str(file) if word == "FILE" else word for word in arguments))
    assert (result.code, result.out, cloud.requests) == (2, "", [])
    assert sentence in result.err


def test_a_vendor_is_registered(busbar: Busbar, cloud: FakeCloud) -> None:
    assert busbar("vendor", "elastx", "--country", "se", "--display-name", "Elastx").code == 0
    spec = {"country": "SE", "displayName": "Elastx"}
    assert cloud.objects[f"{BUSBAR}/vendors/elastx"]["spec"] == spec


def test_a_vendor_to_register_has_a_name(busbar: Busbar) -> None:
    assert "NAME is missing" in busbar("vendor", "--country", "SE").err


def test_an_odd_name_is_quoted_on_its_way(busbar: Busbar, cloud: FakeCloud) -> None:
    busbar("vendor", "a b/c", "--country", "SE")
    assert cloud.requests[0][1].startswith(f"{BUSBAR}/vendors/a%20b%2Fc?")


def test_a_bucket_is_made_once(busbar: Busbar, cloud: FakeCloud) -> None:
    for _ in range(2):
        assert busbar("bucket", "myjobs", "--create").code == 0
    assert sum(request[0] == "POST" for request in cloud.requests) == 1
    assert "NAME is missing" in busbar("bucket", "--create").err


def test_credentials_are_printed_for_the_shell(busbar: Busbar, cloud: FakeCloud) -> None:
    data = {"accessKeyId": "aWQ=", "secretAccessKey": "c2VjcmV0"}
    cloud.add("/api/v1/namespaces/xyz/secrets/s3-access-key", data=data)
    result = busbar("bucket", "--credentials")
    assert result.code == 0
    assert "export AWS_ACCESS_KEY_ID=id\nexport AWS_SECRET_ACCESS_KEY=secret\n" in result.out


def test_a_members_token_goes_into_a_kubeconfig(
    busbar: Busbar, cloud: FakeCloud, tmp_path: Path
) -> None:
    cloud.add("/api/v1/namespaces/busbar-system")
    file = tmp_path / "member"
    assert busbar("token", "--member", "xyz", "--write", file).out == f"wrote {file}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert busbar("--kubeconfig", file, "vendor").code == 0


def test_a_vendors_staff_get_a_token(busbar: Busbar, cloud: FakeCloud) -> None:
    cloud.add("/api/v1/namespaces/busbar-system")
    cloud.add(f"{BUSBAR}/vendors/elastx")
    assert busbar("token", "--vendor-user", "elastx").out.startswith("busbar.")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "name exactly one of --vendor, --member and --vendor-user"),
        (("--member", "xyz", "--vendor", "v"), "name exactly one"),
        (("--vendor", "v"), "--region is missing"),
        (("--vendor", "A B", "--region", "x"), "--vendor: 'A B' is not a name"),
        (("--vendor", "v", "--region", "x", "--write", "f"), "--write goes with --member"),
        (("--vendor", "v", "--region", "x", "--ttl", "900"), "is not in the range 1<=x<=600"),
    ],
    ids=str,
)
def test_half_a_token_exits_2(
    busbar: Busbar, cloud: FakeCloud, arguments: tuple[str, ...], sentence: str
) -> None:
    result = busbar("token", *arguments)
    assert (result.code, result.out, cloud.requests) == (2, "", [])
    assert sentence in result.err
