"""The Kubernetes door: a plain ASGI application that translates requests to the store's words.

The way of a request: path → `Route` (routes), who asks (authentication), may they
(authorization), then the verb's handler (verbs/), which reads the body (bodies, schemas, patches),
admits (admission), commits, and writes the answer (encoding, printing). Every error is a
metav1.Status; what is not foreseen is logged and told as an internal error without details.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
from typing import Any, Final

from busbar.apis.kubernetes import documents, encoding, routes
from busbar.apis.kubernetes.authentication import Authenticator
from busbar.apis.kubernetes.authorization import Attributes, Kind, authorize, role_of
from busbar.apis.kubernetes.bodies import ClientGone
from busbar.apis.kubernetes.calls import Call, Handler, Response
from busbar.apis.kubernetes.discovery import Discovery
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.encoding import Encoder
from busbar.apis.kubernetes.ports import (
    Clock,
    DeletionGuard,
    LogBroker,
    NewUid,
    Questions,
    Receive,
    Scope,
    Send,
    TokenLookup,
    UseBoard,
    unguarded,
)
from busbar.apis.kubernetes.relay import PREFIX, AgentRelay
from busbar.apis.kubernetes.schemas.refusals import Refusal
from busbar.apis.kubernetes.schemas.registry import registry
from busbar.apis.kubernetes.service_accounts import ServiceAccountTokens
from busbar.apis.kubernetes.settings import Settings
from busbar.apis.kubernetes.statuses import (
    INTERNAL,
    RefusedRequest,
    forbidden,
    method_not_allowed,
    not_served,
    unauthorized,
    unavailable,
)
from busbar.apis.kubernetes.use import take
from busbar.apis.kubernetes.verbs import metrics, questions, reviews, scale, subresources
from busbar.apis.kubernetes.verbs.create import create
from busbar.apis.kubernetes.verbs.delete import delete, delete_collection
from busbar.apis.kubernetes.verbs.eviction import evict
from busbar.apis.kubernetes.verbs.get import get
from busbar.apis.kubernetes.verbs.list import list_objects
from busbar.apis.kubernetes.verbs.logs import logs
from busbar.apis.kubernetes.verbs.shared import denied
from busbar.apis.kubernetes.verbs.update import patch, update
from busbar.apis.kubernetes.verbs.watch import watch
from busbar.apis.kubernetes.watchers import Watchers
from busbar.model.resources import RESOURCES, REVIEWS
from busbar.store.contract import Store, StoreFailed

_log = logging.getLogger(__name__)

HANDLERS: Final[dict[tuple[str, str], Handler]] = {
    (routes.GET, ""): get,
    (routes.LIST, ""): list_objects,
    (routes.WATCH, ""): watch,
    (routes.CREATE, ""): create,
    (routes.UPDATE, ""): update,
    (routes.PATCH, ""): patch,
    (routes.DELETE, ""): delete,
    (routes.DELETE_COLLECTION, ""): delete_collection,
    (routes.GET, "status"): get,
    (routes.UPDATE, "status"): update,
    (routes.PATCH, "status"): patch,
    (routes.GET, "log"): logs,
    (routes.CREATE, "binding"): subresources.bind,
    (routes.CREATE, "eviction"): evict,
    (routes.CREATE, "token"): subresources.token,
    (routes.GET, "scale"): scale.get,
    (routes.UPDATE, "scale"): scale.update,
    (routes.PATCH, "scale"): scale.patch,
}
"""(verb, subresource) to what answers."""

_WRITES: Final = frozenset(routes.VERBS) - {routes.GET, routes.LIST, routes.WATCH}


def create_app(
    store: Store,
    *,
    clock: Clock,
    new_uid: NewUid,
    tokens: TokenLookup | None = None,
    service_account_key: bytes | None = None,
    logs: LogBroker | None = None,
    settings: Settings | None = None,
    guard: DeletionGuard = unguarded,
    use: UseBoard | None = None,
    questions: Questions | None = None,
) -> KubernetesApp:
    """Build the door over a store.

    `tokens` knows bearer tokens; `service_account_key` (at least 32 bytes, kept over restarts)
    signs the tokens of service accounts, none are issued without it; `logs` is the relay to the
    agents that this door serves itself unless another is given; `guard` may hold an object back
    whose deletion would lose what is kept elsewhere; `use` knows what Pods use at the moment,
    without it there are no metrics; `questions` answers reviews of the market, without it none are.
    """
    settings = settings or Settings()
    accounts = (
        ServiceAccountTokens(service_account_key, store, clock, settings.api_audience)
        if service_account_key is not None
        else None
    )
    door = Door(
        store=store,
        authenticator=Authenticator(clock, tokens, accounts.verify if accounts else None),
        logs=logs if logs is not None else AgentRelay(new_uid),
        clock=clock,
        new_uid=new_uid,
        registry=registry(),
        settings=settings,
        watchers=Watchers(store, clock, settings),
        encoder=Encoder(settings.encoded_bytes_max),
        tokens=accounts,
        guard=guard,
        use=use,
        questions=questions,
    )
    return KubernetesApp(door)


class KubernetesApp:
    """The ASGI application."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self._router = routes.Router((*RESOURCES, *REVIEWS))
        self._discovery = Discovery()
        self._reviews = {
            f"/apis/{group}/{reviews.VERSION}/{plural}": handler
            for (group, plural), (_, handler) in reviews.REVIEWS.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        call = Call(scope, receive, send)
        try:
            response = await self._answer(call)
        except ClientGone:
            return
        except RefusedRequest as error:
            response = _refusal(error)
        except StoreFailed as error:
            response = _refusal(unavailable(f"the store takes no writes: {error}"))
        except Exception:
            _log.exception("%s %s failed", call.method, call.path)
            response = Response(encoding.dumps(INTERNAL.status()), 500)
        if response is not None:
            await self._send(call, response)

    def close(self) -> None:
        """End what is open without end (watches, agents' lines), so that a server can stop."""
        self.door.watchers.end_all()
        if isinstance(self.door.logs, AgentRelay):
            self.door.logs.close()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self.close()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _answer(self, call: Call) -> Response | None:
        if call.path in documents.OPEN_PATHS:
            return await documents.open_document(self.door, call)
        authorization = call.header(b"authorization").encode("latin-1")
        identity = await self.door.authenticator.identify(call.certificate, authorization)
        if identity is None:
            raise unauthorized()
        call.identity, call.role = identity, role_of(identity)
        route = self._router.resolve(call.path)
        if route is None:
            return await self._other(call)
        call.route = route
        return await self._resource(call, route)

    async def _resource(self, call: Call, route: routes.Route) -> Response | None:
        if route.resource in REVIEWS:
            return await questions.review(self.door, call)
        verb = route.verb(call.method)
        if verb == routes.LIST and call.method == "GET" and call.query and call.flag("watch"):
            verb = routes.WATCH
        handler = HANDLERS.get((verb or "", route.subresource))
        if verb is None or handler is None:
            raise method_not_allowed(call.method, call.path)
        call.verb = verb
        resource = route.resource
        verdict = authorize(
            call.role,
            Attributes(
                verb,
                resource.group,
                resource.plural,
                route.subresource,
                route.namespace,
                route.name,
            ),
        )
        if not verdict.allowed:
            raise forbidden(resource, route.name, denied(call, verdict.reason))
        if resource.read_only and verb in _WRITES:
            raise forbidden(resource, route.name, denied(call, reviews.READ_ONLY))
        call.check = verdict.check
        return await handler(self.door, call)

    async def _other(self, call: Call) -> Response | None:
        path = call.path
        review = self._reviews.get(path)
        if review is not None:
            if call.method != "POST":
                raise method_not_allowed(call.method, path)
            return await review(self.door, call)
        if path.startswith(PREFIX):
            return await self._agent(call)
        if path.startswith(metrics.PREFIX) and path != metrics.PREFIX:
            return await metrics.metrics(self.door, call)
        found = self._discovery.answer(path, call.header(b"accept"))
        found = found or documents.openapi_document(call) or documents.no_crds(call)
        if found is None:
            raise not_served(path)
        if call.method not in ("GET", "HEAD"):
            raise method_not_allowed(call.method, path)
        return found

    async def _agent(self, call: Call) -> Response | None:
        """Serve what is below a node to the node itself and to nobody else."""
        node, *rest = call.path[len(PREFIX) :].split("/")
        relay = self.door.logs
        if not isinstance(relay, AgentRelay):
            raise not_served(call.path)
        if call.role.kind is not Kind.NODE or call.role.name != node:
            message = f"only the certificate of node {node[:63]} may use its relay"
            raise RefusedRequest(Refusal(403, "Forbidden", message))
        if rest == ["use"] and call.method == "POST":
            return await take(self.door, call, node)
        return await relay.serve(call, node, rest)

    async def _send(self, call: Call, response: Response) -> None:
        body, headers = response.body, [*response.headers]
        has_encoding = any(name == b"content-encoding" for name, _ in headers)
        is_large = len(body) >= self.door.settings.gzip_bytes_min
        if is_large and not has_encoding and "gzip" in call.header(b"accept-encoding"):
            # Off the loop: a watcher must not wait for somebody's long list.
            body = await asyncio.to_thread(gzip.compress, body, 1)
            headers.append((b"content-encoding", b"gzip"))
        headers.extend((b"warning", warning(text)) for text in call.warnings[:_WARNINGS_MAX])
        headers.append((b"content-type", response.content_type))
        headers.append((b"content-length", str(len(body)).encode()))
        start: dict[str, Any] = {"type": "http.response.start", "status": response.status}
        start["headers"] = headers
        await call.send(start)
        await call.send({"type": "http.response.body", "body": body, "more_body": False})


_WARNINGS_MAX: Final = 20


def warning(text: str) -> bytes:
    """Write a Warning header (RFC 7234, code 299, as Kubernetes does)."""
    plain = "".join(char if " " <= char <= "~" else "?" for char in text[:512])
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{escaped}"'.encode()


def _refusal(error: RefusedRequest) -> Response:
    body = encoding.dumps(error.status())
    return Response(body, error.refusal.code, headers=error.headers)
