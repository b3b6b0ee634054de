"""`busbar bucket`, `image`: what workloads read, write and run. Next: `status.py`."""

from __future__ import annotations

import base64

import click

from busbar.cli.client import Client, Json, namespaced
from busbar.cli.context import Context, namespace_option, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.output import emit, output_option
from busbar.market.words import volume
from busbar.model.wellknown import API_VERSION, S3_KEY


@click.command()
@click.argument("name", required=False)
@click.option("--create", is_flag=True, help="Make the bucket.")
@click.option(
    "--credentials", is_flag=True, help="Print the environment for aws and other clients."
)
@output_option
@namespace_option
@pass_context
def bucket(
    context: Context,
    /,
    name: str | None,
    create: bool,
    credentials: bool,
    output: str,
    namespace: str | None,
) -> None:
    """List a namespace's buckets, make one, or print the credentials to use them."""
    context.in_namespace(namespace)
    if credentials:
        context.require_namespace()
        for variable, value in environment(context).items():
            click.echo(f"export {variable}={value}")
        return
    if create:
        if not name:
            raise CliError("NAME is missing: which bucket to make", Exit.USAGE)
        make_bucket(context.client, context.namespace, name)
    items = context.client.list(namespaced(context.namespace, "buckets"))
    if not items:
        context.require_namespace()
    if name:
        items = [item for item in items if item["metadata"]["name"] == name]
        if not items:
            said = f"there is no bucket {name} in {context.namespace}; make it with --create"
            raise CliError(said, Exit.NOT_FOUND)
    emit(output, items, ("name", "created", "objects", "size", "region"), [*map(_row, items)])


def _row(item: Json) -> tuple[object, ...]:
    """Give a bucket's line; what was not counted yet is left open."""
    meta, status = item["metadata"], item.get("status") or {}
    size = volume(status["bytes"]) if "bytes" in status else ""
    return meta["name"], meta.get("creationTimestamp"), status.get("objects"), size, _region(status)


def _region(status: Json) -> str:
    region, keeper = status.get("region", ""), status.get("storedBy", "")
    return f"{region} ({keeper})" if keeper else str(region)


def make_bucket(client: Client, namespace: str, name: str) -> None:
    """Make a bucket; fine if it exists."""
    if client.find(namespaced(namespace, "buckets", name)) is None:
        body = {
            "apiVersion": API_VERSION,
            "kind": "Bucket",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {},
        }
        client.post(namespaced(namespace, "buckets"), body)


def environment(context: Context) -> dict[str, str]:
    """Give the variables by which every S3 client finds the namespace's buckets."""
    path = namespaced(context.namespace, "secrets", S3_KEY, api="/api/v1")
    secret = context.client.get(path)
    return {
        "AWS_ACCESS_KEY_ID": _decoded(secret, "accessKeyId"),
        "AWS_SECRET_ACCESS_KEY": _decoded(secret, "secretAccessKey"),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{context.settings.s3_port}",
        "AWS_REGION": "us-east-1",
    }


def _decoded(secret: dict[str, dict[str, str]], field: str) -> str:
    return base64.b64decode(secret["data"][field]).decode()
