"""A manifest and a config are read as strangers' words."""

from __future__ import annotations

import json

import pytest

from busbar.agent.images.described import describe
from busbar.images.refusals import ImageError, ImageRefusal
from busbar.images.skopeo import size_of

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def manifest(*layers: str, **more: object) -> bytes:
    blobs = [{"digest": digest, "size": 10} for digest in layers]
    return json.dumps({"config": {"digest": A, "size": 2}, "layers": blobs, **more}).encode()


def config(*diff_ids: str, **more: object) -> bytes:
    return json.dumps({"rootfs": {"diff_ids": diff_ids}, "config": more}).encode()


def test_layers_and_config_are_read() -> None:
    described = describe(manifest(A, B), config(B, A, Env=["X=1"], Entrypoint=["/run"]), "x")
    assert [(layer.digest, layer.diff_id) for layer in described.layers] == [(A, B), (B, A)]
    assert described.config == {"Env": ["X=1"], "Entrypoint": ["/run"]}


def test_a_layer_that_comes_twice_counts_where_it_is_topmost() -> None:
    assert describe(manifest(A, B, A), config(A, B, A), "x").stack() == [B, A]


@pytest.mark.parametrize(
    ("raw_manifest", "raw_config"),
    [
        (manifest(A), config(A, B)),
        (manifest(), config()),
        (manifest(A), config("sha256:../../etc")),
        (manifest("sha256:../../etc"), config(A)),
        (manifest(A), b"{"),
        (manifest(A), b"[" * 100_000),
        (manifest(A), config(A, Env="X=1")),
        (manifest(A), config(A, User=0)),
        (manifest(A, mediaType="application/vnd.docker.distribution.manifest.v1+json"), config(A)),
        (b"null", config(A)),
        (b"[]", config(A)),
        (b"\xff", config(A)),
        (manifest(*[A] * 128), config(*[A] * 128)),
    ],
)
def test_what_does_not_fit_together_is_refused(raw_manifest: bytes, raw_config: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        describe(raw_manifest, raw_config, "x")
    assert caught.value.refusal is ImageRefusal.INVALID_IMAGE


def test_the_size_of_a_list_of_manifests_is_unknown() -> None:
    assert size_of(manifest(A, B)) == 20
    assert size_of(b'{"manifests": []}') == 0
    assert size_of(b"nonsense") == 0
