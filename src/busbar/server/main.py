"""The control plane as one process: everything is opened, wired and served here.

    settings → store → authority → doors (Kubernetes, S3, registry) → controllers → ready

A part that cannot start ends the process with one sentence, before anything was changed. SIGTERM
ends it in order: no new requests, watches ended, what was accepted made durable.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from busbar import logfile
from busbar.advice.board import Board
from busbar.apis.kubernetes.app import KubernetesApp
from busbar.apis.kubernetes.app import create_app as kubernetes_app
from busbar.apis.kubernetes.bootstrap import ensure_namespaces
from busbar.apis.kubernetes.ports import Identity
from busbar.apis.s3 import errors as s3_errors
from busbar.controllers.all import controllers
from busbar.controllers.listening import Listening
from busbar.controllers.settings import Settings as ControllerSettings
from busbar.server import access, bucketkeys, clock, doors, joining, metrics, money, pki
from busbar.server import settings as server_settings
from busbar.server.addresses import CannotStart, check_ports, server_names
from busbar.server.audit import Audit
from busbar.server.census import count_buckets
from busbar.server.collector import calm_collector, leave_alone, sweep_now_and_then
from busbar.server.gate import MoneyGate
from busbar.server.http import HttpServer, listen, server_context
from busbar.server.identities import Bearer, matches, read_bearer
from busbar.server.informer import Informer
from busbar.server.market import app as market
from busbar.server.market.questions import MarketQuestions
from busbar.server.meter import Meter
from busbar.server.podkeys import PodKeys, load_or_make_key
from busbar.server.renewal import Caller, OwnCertificates, RenewalRequest, renew
from busbar.server.requests import read_document
from busbar.server.retention import let_records_go
from busbar.server.runner import Runner
from busbar.server.settings import ServerSettings
from busbar.server.use import keep_profiles
from busbar.server.workers.pool import TlsFiles, WorkerPool
from busbar.store.contract import CannotOpen, Store, Unopenable
from busbar.store.memory import MemoryStore
from busbar.store.sqlite import SqliteStore
from busbar.store.upkeep import forget_old_history

log = logging.getLogger("busbar.server")


class Cloud:
    """One running control plane."""

    def __init__(self, settings: ServerSettings, opened: Store) -> None:
        self.settings = settings
        store = MoneyGate(opened)
        self.audit = Audit(store, clock.now, settings.ledger_mark)
        self.store = store
        self.authority = pki.open_authority(settings.pki, clock.now())
        self.pod_keys = PodKeys(settings.pki)
        self.keys = access.AccessKeys(store, self.pod_keys)
        self.buckets = access.Buckets(store, clock.now, clock.new_uid)
        self.bearers: Informer[Bearer] = Informer(store, "", "secrets", read_bearer)
        self.namespaces: Informer[str] = Informer(
            store, "", "namespaces", access.read_consumer_namespace
        )
        self.meter = Meter(store, self.keys.pod)
        self.s3 = doors.s3_door(settings.objects, self.keys, self.buckets, clock.now, self.meter)
        self.clearings = metrics.ClearingCount()
        self.use = Board()
        self.questions = MarketQuestions(
            store, clock.now, clock.new_uid, settings.place, settings.gpus
        )
        self.kubernetes: KubernetesApp = kubernetes_app(
            store,
            clock=clock.now,
            new_uid=clock.new_uid,
            tokens=self._bearer,
            service_account_key=load_or_make_key(settings.pki / "serviceaccounts.key"),
            guard=doors.BucketGuard(self.s3, self.buckets),
            use=self.use,
            questions=self.questions,
        )

    def _bearer(self, token: str) -> Identity | None:
        """Give whom a bearer token of `busbar token` stands for."""
        parts = token.split(".")
        if len(parts) != 3 or parts[0] != "busbar":
            return None
        found = self.bearers.get("busbar-system", f"token-{parts[1]}")
        if found is None or not matches(parts[2], found.secret_hash):
            return None
        if found.expires is not None and found.expires <= clock.now():
            return None
        return Identity(found.user, found.groups)

    async def identify(self, scope: Any) -> Identity | None:
        """Give who asks, by certificate or token, as the Kubernetes door does."""
        tls = (scope.get("extensions") or {}).get("tls") or {}
        authorization = dict(scope["headers"]).get(b"authorization", b"")
        return await self.kubernetes.door.authenticator.identify(
            tls.get("client_cert_der"), authorization
        )

    async def groups_of(self, scope: Any) -> tuple[str, ...]:
        """Give the groups of who asks."""
        found = await self.identify(scope)
        return found.groups if found else ()

    async def user_of(self, scope: Any) -> str:
        """Give the user name of who asks."""
        found = await self.identify(scope)
        return found.user if found else ""

    async def _renew(self, scope: Any, receive: Any) -> dict[str, str]:
        found = await self.identify(scope) or Identity("")
        der = ((scope.get("extensions") or {}).get("tls") or {}).get("client_cert_der")
        request = await read_document(receive, RenewalRequest, "the renewal")
        caller = Caller(found.user, found.groups, der)
        return await renew(self.store, self.authority, caller, request, clock.now())

    def endpoints(self, host: str) -> tuple[str, str]:
        """Give the API server's and the S3 door's URL for a machine that called us by a name."""
        shown = f"[{host}]" if ":" in host else host
        return (
            f"https://{shown}:{self.settings.api_port}",
            f"https://{shown}:{self.settings.s3_tls_port}",
        )

    def app(self) -> Callable[[Any, Any, Any], Awaitable[None]]:
        """Give the ASGI application of the API port: the Kubernetes door and its neighbours."""
        join = joining.create_app(
            joining.Joining(self.store, self.authority, clock.now, clock.new_uid, self.endpoints),
            self._renew,
        )
        pay = money.create_app(
            self.store, self.groups_of, self.user_of, clock.now, lambda: self.audit.status
        )
        keys = bucketkeys.create_app(self.keys, self.pod_keys, self.buckets, self.user_of)
        ask = market.create_app(self.questions, self.store, self.identify, self.settings.gpus)
        door = self.kubernetes.door
        scrape = metrics.create_app(door, self.identify, self.clearings, clock.now)
        registry = doors.registry_door(self.settings.images)
        kubernetes = self.kubernetes

        async def app(scope: Any, receive: Any, send: Any) -> None:
            path = scope.get("path") or ""
            if scope["type"] != "http" or path.startswith("/api"):
                await kubernetes(scope, receive, send)
            elif path.startswith("/join/v1"):
                await join(scope, receive, send)
            elif path.startswith("/money/v1"):
                await pay(scope, receive, send)
            elif path.startswith(market.PREFIX):
                await ask(scope, receive, send)
            elif path == metrics.PATH:
                await scrape(scope, receive, send)
            elif path.startswith("/v2"):
                caller = await self.user_of(scope)
                await registry({**scope, doors.CALLER: caller}, receive, send)
            elif bucketkeys.is_key_path(path):
                await keys(scope, receive, send)
            else:
                await kubernetes(scope, receive, send)

        return app

    async def run(self) -> None:
        """Serve until cancelled."""
        settings = self.settings
        calm_collector()
        await ensure_namespaces(self.store, clock.now, clock.new_uid)
        own = OwnCertificates(settings, self.authority)
        certificate, key = own.server(server_names(settings), clock.now())
        authority = settings.pki / "ca.pem"
        api_tls = server_context(str(certificate), str(key), str(authority))
        s3_tls = server_context(str(certificate), str(key), None)
        files = TlsFiles(certificate, key, authority)
        app = self.app()
        workers = WorkerPool(app, settings.api_workers, files)
        s3 = self.s3
        await s3.start()
        own.operator(clock.now())
        ready = Ready(settings, 3)
        listening = Listening()
        runner = Runner(
            self.store,
            controllers(
                ControllerSettings(settings.fee_ppm, settings.place, gpus=settings.gpus), listening
            ),
            clock.now,
            listening=listening,
        )
        try:
            async with asyncio.TaskGroup() as group:
                for follow in (
                    self.bearers.run,
                    self.namespaces.run,
                    self.keys.secrets.run,
                    self.keys.pods.run,
                    self.buckets.known.run,
                ):
                    group.create_task(follow())
                group.create_task(doors.purge_deleted(s3, self.buckets))
                group.create_task(self.meter.run())
                group.create_task(count_buckets(s3, self.store, settings.place))
                group.create_task(
                    access.keep_namespace_keys(
                        self.store, self.namespaces, clock.now, clock.new_uid
                    )
                )
                group.create_task(runner.run())
                group.create_task(self.clearings.run(self.store))
                group.create_task(forget_old_history(self.store))
                group.create_task(
                    let_records_go(
                        self.store, clock.now, settings.records_kept_days, settings.records_kept_mib
                    )
                )
                group.create_task(self.audit.run())
                group.create_task(keep_profiles(self.store, self.use, clock.now))
                group.create_task(
                    own.keep(
                        lambda: server_names(settings),
                        clock.now,
                        (api_tls, s3_tls),
                        workers.renew,
                    )
                )
                group.create_task(sweep_now_and_then())
                api = workers if settings.api_workers else HttpServer(app, api_tls)
                for server, host, port in (
                    (api, settings.listen, settings.api_port),
                    (HttpServer(s3, s3_tls), settings.listen, settings.s3_tls_port),
                    (HttpServer(s3, None), "127.0.0.1", settings.s3_port),
                ):
                    group.create_task(_serve(server, host, port, ready))
        finally:
            settings.ready_file.unlink(missing_ok=True)
            self.kubernetes.close()
            await s3.stop()


async def _serve(server: HttpServer | WorkerPool, host: str, port: int, ready: Ready) -> None:
    with listen(host, port) as listener:
        ready.one_more(await server.start(listener))
        try:
            await asyncio.Event().wait()
        finally:
            await server.stop()


class Ready:
    """Counts the listening ports; when all listen, the ready file says so."""

    def __init__(self, settings: ServerSettings, count: int) -> None:
        self._settings = settings
        self._left = count

    def one_more(self, port: int) -> None:
        """One more port listens."""
        del port
        self._left -= 1
        if self._left == 0:
            document = {
                "pid": os.getpid(),
                "api": f"https://127.0.0.1:{self._settings.api_port}",
                "s3": f"http://127.0.0.1:{self._settings.s3_port}",
            }
            self._settings.ready_file.write_text(json.dumps(document))
            # What was loaded stays: keep the collector from walking it again and again.
            leave_alone()
            log.info("ready: %s", document)


def open_store(settings: ServerSettings) -> Store:
    """Open the store; refuses a second cloud on the same data directory."""
    if settings.store == "memory":
        return MemoryStore()
    try:
        return SqliteStore.open(settings.database)
    except CannotOpen as error:
        damaged = error.why is Unopenable.DAMAGED
        how = ": `busbar restore FILE`, of one made by `busbar backup`" if damaged else ""
        raise CannotStart(f"{error}{how}") from None


async def main_async(settings: ServerSettings) -> None:
    """Run a cloud until SIGTERM or SIGINT."""
    store = open_store(settings)
    try:
        check_ports(settings)
        cloud = Cloud(settings, store)
        running = asyncio.create_task(cloud.run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, running.cancel)
        try:
            await running
        except asyncio.CancelledError:
            pass
        except ExceptionGroup as failed:
            found, _ = failed.split(CannotStart)
            if found is None:
                raise
            raise _first(found) from None
    finally:
        await store.close()


def _first(error: Exception) -> Exception:
    return _first(error.exceptions[0]) if isinstance(error, ExceptionGroup) else error


def main() -> int:
    """Run the control plane: `python -m busbar.server --data DIR`."""
    parser = argparse.ArgumentParser(prog="busbar.server")
    parser.add_argument("--data", required=True)
    options = parser.parse_args()
    directory = server_settings.data_directory(options.data)
    logfile.configure(ServerSettings(data=str(directory)).log_file)
    try:
        settings = server_settings.load(directory)
        settings.directory.mkdir(parents=True, exist_ok=True)
        uvloop.run(main_async(settings))
    except (CannotStart, s3_errors.CannotOpen, server_settings.SettingsInvalid) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{options.data}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0
