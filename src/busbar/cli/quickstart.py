"""`busbar quickstart`: the main job, told as it happens.

What `./quickstart` shows once everything is installed. Each step looks first and does what is
missing, so it may be interrupted and run again at any point. Only what a newcomer would type is
used: busbar, kubectl and aws, each shown before it runs.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import yaml
from rich.console import Console
from rich.table import Table

from busbar.agent.network.plan import tag_of
from busbar.agent.storage import sellable_bytes
from busbar.cli import clock, jobs, machines, manifests, money, processes, receipts, storage
from busbar.cli.client import BUSBAR, namespaced
from busbar.cli.cloud import require_root
from busbar.cli.context import Context, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.images import build_with_progress
from busbar.model.time import DAY, format_instant
from busbar.server import settings as server_settings

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
VENDORS = (("elastx", "Sweden"), ("safespring", "Sweden"), ("hansecloud", "Germany"))
NAMESPACE, BUCKET, JOB = "xyz", "myjobs", "my-first-sparkjob"
IMAGE = "docker.io/apache/spark:latest"
MEGABYTES = 64


@click.command()
@pass_context
def quickstart(context: Context, /) -> None:
    """Start a cloud with three vendors here, and run a Spark job bought on its exchange."""
    require_root("the quickstart")
    story = Story(context, Console(highlight=False, soft_wrap=True))
    story.start_cloud()
    story.plug_in_vendors()
    story.bring_image()
    story.open_namespace()
    story.fill_bucket()
    story.submit()
    story.show_result()
    story.show_receipt()
    story.say_goodbye()


class Story:
    """The steps, in order."""

    def __init__(self, context: Context, console: Console) -> None:
        self._context = context
        self._console = console
        # Clouds with other data directories may be up on this machine: names and addresses differ.
        tag = tag_of(str(context.data))[:4]
        self._bridge, self._prefix = f"bb{tag}", f"bb{tag}-"
        self._network = f"10.213.{int(tag, 16) % 250 + 1}"
        self._environment: dict[str, str] = {}

    def _say(self, text: str) -> None:
        self._console.print(f"\n[bold]{text}[/bold]")

    def _show(self, *command: str) -> None:
        self._console.print(f"  $ {' '.join(command)}", style="dim", markup=False)

    def _run(self, *command: str, show: bool = True, capture: bool = False) -> str:
        """Run a command a newcomer could type; ends the story with its own words if it fails."""
        if show:
            self._show(*command)
        done = subprocess.run(
            command, env={**os.environ, **self._environment}, capture_output=True, check=False
        )
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
            # Not the command: a token may be among its words.
            raise CliError(words[-1].removeprefix("busbar: "))
        output = done.stdout.decode(errors="replace")
        if not capture and output.strip():
            self._console.print("  " + output.strip().replace("\n", "\n  "), markup=False)
        return output

    def start_cloud(self) -> None:
        """Start the control plane; its certificate must name the bridge's address."""
        self._say("1. A cloud on this machine")
        for number, (vendor, _) in enumerate(VENDORS):
            name, bridge, network = self._netns(vendor), self._bridge, self._network
            # First: should the cloud not start (a port is taken), `down` removes what is written.
            machines.remember_network(self._context.data, _node_of(vendor), name, bridge)
            machines.make_network(name, bridge, f"{network}.1/24", f"{network}.{10 + number}/24")
        with self._console.status("starting the cloud …"):
            self._run(
                *processes.busbar_command("--data", str(self._context.data), "up"), show=False
            )
        self._show("busbar up")
        self._environment = {"KUBECONFIG": str(self._context.data / "kubeconfig")}

    def plug_in_vendors(self) -> None:
        """Let each vendor's machine join with a single-use token, then publish its offer."""
        self._say("2. Three vendors plug in, each a machine of its own")
        port = self._context.settings.api_port
        for number, (vendor, region) in enumerate(VENDORS):
            node = _node_of(vendor)
            with self._console.status(f"{node} joins: its speed is measured …"):
                if node not in machines.names(self._context.data):
                    self._join(vendor, region, node, number, port)
                machines.start(self._context.data, node)
        self._run("kubectl", "apply", "-f", str(EXAMPLES / "quickstart" / "offers.yaml"))
        self._wait_for_offers()
        self._busbar("status")
        self._busbar("market")

    def _netns(self, vendor: str) -> str:
        """Give the network namespace of a vendor's machine."""
        return f"{self._prefix}{vendor}"

    def _join(self, vendor: str, region: str, node: str, number: int, port: int) -> None:
        common = processes.busbar_command("--data", str(self._context.data))
        token = self._run(
            *common, "token", "--vendor", vendor, "--region", region, show=False, capture=True
        )
        memory = _memory_per_vendor()
        server = f"https://{self._network}.1:{port}"
        command = ("join", server, "--token", token.strip(), "--name", node)
        where: tuple[str, ...] = (
            "--cpu",
            str(max(2, os.cpu_count() or 1)),
            "--memory",
            str(memory),
            "--ephemeral-storage",
            str(sellable_bytes(self._context.data) // len(VENDORS)),
            "--netns",
            self._netns(vendor),
        )
        where += ("--pod-cidr", f"10.{88 + number}.0.0/16")
        self._run(*common, *command, *where, show=False, capture=True)
        self._show("busbar", "join", server, "--token", "…", "--name", node)

    def _wait_for_offers(self) -> None:
        """Wait until the market sees all three: a watch, not a guess."""
        wanted = len(VENDORS)
        with self._console.status("the market opens …"):
            for _ in range(60):
                offers = self._context.client.list(f"{BUSBAR}/offers")
                live = [o for o in offers if (o.get("status") or {}).get("nodes")]
                if len(live) >= wanted:
                    return
                revision = self._context.client.get(f"{BUSBAR}/offers")["metadata"]
                query = {"resourceVersion": revision["resourceVersion"], "timeoutSeconds": "1"}
                for _ in self._context.client.watch(f"{BUSBAR}/offers", **query):
                    break

    def bring_image(self) -> None:
        """Have the image apache/spark: built once from the recipe, since no registry is needed."""
        settings = self._context.settings
        self._say("3. The image apache/spark")
        build_with_progress(settings.images, ROOT / "images" / "spark", IMAGE, self._console)

    def open_namespace(self) -> None:
        """Make the consumer's namespace and pay in."""
        self._say("4. A consumer: a namespace, an account, a bucket")
        client = self._context.client
        if client.find(f"/api/v1/namespaces/{NAMESPACE}") is None:
            self._run("kubectl", "create", "namespace", NAMESPACE)
        self._show("busbar", "account", "-n", NAMESPACE, "--top-up", "10")
        money.pay_in(client, NAMESPACE, "10", f"quickstart/{NAMESPACE}")
        self._wait_for_secret()

    def _wait_for_secret(self) -> None:
        for _ in range(100):
            try:
                self._environment |= storage.environment(
                    Context(str(self._context.data), None, NAMESPACE)
                )
                return
            except CliError as error:
                if error.code is not Exit.NOT_FOUND:
                    raise
                for _ in self._context.client.watch(
                    namespaced(NAMESPACE, "secrets", api="/api/v1"), timeoutSeconds="1"
                ):
                    break
        raise CliError(f"namespace {NAMESPACE} got no S3 access key")

    def fill_bucket(self) -> None:
        """Put the input and the script into the bucket, through the S3 door."""
        cache = self._context.data / "quickstart" / f"corpus-{MEGABYTES}"
        if not (cache / ".whole").exists():
            with self._console.status(f"writing a corpus of {MEGABYTES} MB from a seed …"):
                shutil.rmtree(cache, ignore_errors=True)
                generator = str(EXAMPLES / "spark" / "corpus.py")
                self._run(
                    sys.executable, generator, str(cache), "--megabytes", str(MEGABYTES), show=False
                )
                (cache / ".whole").touch()
        aws = _aws()
        listed = self._run(
            aws, "s3api", "list-buckets", "--query", "Buckets[].Name", show=False, capture=True
        )
        if f'"{BUCKET}"' not in listed:
            self._show("aws", "s3", "mb", f"s3://{BUCKET}")
            self._run(aws, "s3", "mb", f"s3://{BUCKET}", show=False)
        with self._console.status("uploading through the S3 door …"):
            for source, target in (
                (cache, f"s3://{BUCKET}/data/"),
                (EXAMPLES / "spark", f"s3://{BUCKET}/spark/"),
            ):
                self._show("aws", "s3", "sync", str(source), target)
                self._run(
                    aws, "s3", "sync", str(source), target, "--exclude", ".*",
                    "--exclude", "*.pyc", "--size-only", "--no-progress", show=False, capture=True,
                )  # fmt: skip

    def submit(self) -> None:
        """Apply the manifest and follow the job to its end."""
        self._say("5. The job, bought on the exchange")
        client = self._context.client
        path = namespaced(NAMESPACE, "jobs", JOB)
        if client.find(path) is not None:
            self._run("kubectl", "-n", NAMESPACE, "delete", "jobs.busbar.dev", JOB)
        manifest = yaml.load(
            (EXAMPLES / "quickstart" / "job.yaml").read_text(), Loader=manifests.TextTimestamps
        )
        manifest["spec"]["notAfter"] = format_instant(clock.now() + DAY)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(manifest, file, sort_keys=False)
            file.flush()
            self._console.print(
                "  examples/quickstart/job.yaml, with notAfter set to tomorrow:", style="dim"
            )
            self._run("kubectl", "apply", "-f", file.name)
        job = jobs.follow(client, path, self._console)
        self._console.print("\n  Why there, and not cheaper:")
        for clause in job["status"].get("funnel") or ():
            self._console.print(f"    - {clause}", markup=False)
        self._run("kubectl", "-n", NAMESPACE, "get", "contracts")

    def show_result(self) -> None:
        """Show the first rows of what the job left in the bucket."""
        self._say(f"6. The result, in s3://{BUCKET}/out/wordcount/top/")
        aws = _aws()
        key = self._run(
            aws, "s3api", "list-objects-v2", "--bucket", BUCKET,
            "--prefix", "out/wordcount/top/part-", "--query", "Contents[0].Key",
            "--output", "text", show=False, capture=True,
        ).strip()  # fmt: skip
        text = self._run(aws, "s3", "cp", f"s3://{BUCKET}/{key}", "-", show=False, capture=True)
        rows = list(csv.reader(io.StringIO(text)))
        table = Table(box=None, pad_edge=False)
        for column in rows[0]:
            table.add_column(column)
        for row in rows[1:9]:
            table.add_row(*row)
        self._console.print(table)

    def show_receipt(self) -> None:
        """Show the receipt, and that the sums agree."""
        self._say("7. The receipt")
        self._busbar("-n", NAMESPACE, "receipt", JOB)
        self._busbar("verify-ledger")
        document = receipts.receipt_of(self._context.client, NAMESPACE, JOB)
        if not document["total"]["agrees"]:
            raise CliError("the receipt's sums disagree", Exit.LEDGER_BAD)

    def say_goodbye(self) -> None:
        """Say how to look around."""
        self._say("The cloud is left running. Look around:")
        data = self._context.data
        busbar = ROOT / ".venv" / "bin" / "busbar"
        prefix = "" if str(data) == server_settings.DEFAULT_DATA else f"BUSBAR_DATA={data} "
        for line in (
            f"export KUBECONFIG={data / 'kubeconfig'}",
            "kubectl get vendors,offers,nodes",
            f"kubectl -n {NAMESPACE} describe jobs.busbar.dev {JOB}",
            f'eval "$({prefix}{busbar} -n {NAMESPACE} bucket --credentials)"',
            f"aws s3 ls --recursive s3://{BUCKET}/out/",
            f"{prefix}{busbar} market",
            f"{prefix}{busbar} -n {NAMESPACE} logs {JOB}",
            f"{prefix}{busbar} down        # stop it (with --purge: delete it)",
        ):
            self._console.print(f"  {line}", markup=False)

    def _busbar(self, *arguments: str) -> None:
        self._show("busbar", *arguments)
        self._run(
            *processes.busbar_command("--data", str(self._context.data), *arguments), show=False
        )


def _node_of(vendor: str) -> str:
    return f"{vendor}-1"


def _memory_per_vendor() -> int:
    """Give each vendor a fair part of this machine's memory, whole gibibytes, at least two."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(2, total * 8 // 10 // len(VENDORS) // 2**30) * 2**30


def _aws() -> str:
    """Find the aws CLI: beside this program, else on the PATH."""
    beside = Path(sys.executable).parent / "aws"
    found = str(beside) if beside.exists() else shutil.which("aws")
    if not found:
        raise CliError("the aws CLI is missing; run ./quickstart, which installs it", Exit.MACHINE)
    return found
