"""The composition root: the only place that knows which adapter stands behind each port."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar, assert_never

from botocore.session import Session
from snapshot_restore_py import register_after_restore, register_before_snapshot

from functions import assistant, aws_clients
from functions.attachments.base import ModelFiles
from functions.attachments.s3_images import S3Images
from functions.attachments.s3_objects import S3Objects
from functions.attachments.uploads import Uploads
from functions.engine.assistant import Assistant
from functions.engine.engine import Engine
from functions.engine.quotas import Quotas
from functions.errors import SettingError
from functions.gateway.chat_endpoint import ChatEndpoint
from functions.gateway.cors import Cors
from functions.identity.keys import KeyRing, OneKey, SigningKey
from functions.identity.secrets_manager import Secrets
from functions.identity.tokens import ClientTokens
from functions.ids import IdFactory
from functions.metrics import Metric, Metrics
from functions.model.base import Model, Transcriber
from functions.runtime import logs
from functions.runtime.loop import run
from functions.settings import Identity, Names, RotationSettings, Settings
from functions.store.dynamodb import DynamoDBStore
from functions.store.dynamodb_attachments import DynamoDBAttachments
from functions.store.dynamodb_counters import DynamoDBCounters
from functions.store.large_items import LargeItems
from functions.store.sessions import EndedSessions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from functions.announcements.base import Announcer
    from functions.announcements.eventbridge import PutsEvents
    from functions.attachments.sweep import Sweep
    from functions.gateway.api_routes import ApiRoutes
    from functions.gateway.object_events import ObjectEvents
    from functions.gateway.thread_stream import ThreadStream
    from functions.identity.base import IdentitySource, TokenIssuer
    from functions.identity.rotation import KeyRotation
    from functions.model.openai_client import OpenAIClient

T = TypeVar("T")

_ASKED: Final[tuple[Identity, ...]] = ("iam", "api_key", "oidc", "local", "anonymous")
"""In this order: what proves most comes first, and who knows everybody last."""


class Wiring:
    """Makes a function's parts, each when it is first asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        logs.set_up(settings.log_level)
        # All copies of a snapshot (SnapStart) would wait equally long before they try again. No secret is made by this one.
        register_after_restore(random.seed)

    @cached_property
    def api_routes(self) -> "ApiRoutes":
        """What the api function serves."""
        from functions.announcements.sending import tells_refused
        from functions.gateway.api_routes import ApiRoutes  # Powertools' resolvers: the chat function goes without
        from functions.gateway.checked_tokens import CheckedTokens
        from functions.gateway.entity_routes import EntityRoutes
        from functions.gateway.sessions import Sessions
        from functions.gateway.upload_routes import UploadRoutes

        tokens = CheckedTokens(self._tokens, ended=self._ended_sessions)
        return ApiRoutes(
            Sessions(
                tokens=self._issuer,
                identities=self._identities,
                ended=self._ended_sessions,
                takes_state=self._settings.hosted is not None,
            ),
            EntityRoutes(assistants=self._assistants, tokens=tokens),
            UploadRoutes(
                tokens=tokens,
                attachments=self._attachments,
                quotas=self._quotas,
                refused=tells_refused(self._announcer),
            ),
            # Nothing but the anonymous visitor's identity is in a cookie.
            cors=Cors(self._settings.allowed_origins, credentials="anonymous" in self._settings.identity),
        )

    @cached_property
    def thread_stream(self) -> "ThreadStream":
        """What the thread function serves."""
        from functions.engine.deletions import Deletions
        from functions.gateway.thread_stream import ThreadStream  # Powertools' batches, which no other function needs

        return ThreadStream(Deletions(store=self._store, images=self._images, attachments=self._attachments))

    @cached_property
    def attachment_events(self) -> "ObjectEvents":
        """What the attachment function serves."""
        from functions.announcements.sending import tells_uploaded
        from functions.attachments.arrivals import Arrivals  # Pillow, which is in that function's package alone
        from functions.attachments.s3_arrivals import S3Arrivals
        from functions.gateway.object_events import ObjectEvents

        bucket = self._settings.bucket_name
        arrived = S3Arrivals(client=lambda: self._s3, bucket=bucket)
        told = tells_uploaded(self._announcer)
        arrivals = Arrivals(records=self._attachment_records, arrived=arrived, objects=self._objects, uploaded=told)
        return ObjectEvents(arrivals, bucket=bucket)

    @cached_property
    def sweep(self) -> "Sweep":
        """What the sweep function serves."""
        from functions.attachments.sweep import Sweep

        return Sweep(records=self._attachment_records, objects=self._objects, now=lambda: datetime.now(UTC))

    @cached_property
    def chat_endpoint(self) -> ChatEndpoint:
        """What the chat function serves."""
        margin = self._settings.deadline_margin_seconds
        return ChatEndpoint(processor=self._engine, tokens=self._tokens, cors=self._cors, deadline_margin=margin)

    @cached_property
    def _cors(self) -> Cors:
        """Which pages may call."""
        return Cors(self._settings.allowed_origins)

    @cached_property
    def _tokens(self) -> ClientTokens:
        """Issues and verifies client tokens."""
        return ClientTokens(
            keys=self._keys,
            seconds=self._settings.token_seconds,
            session_seconds=self._settings.session_seconds,
            grace_seconds=self._settings.refresh_grace_seconds,
        )

    @cached_property
    def _issuer(self) -> "TokenIssuer":
        """What the sessions' routes give out."""
        settings = self._settings
        if settings.hosted is None:
            return self._tokens
        from functions.gateway.hosted_tokens import HostedTokens
        from functions.model.hosted_sessions import OpenAIHostedSessions
        from functions.store.hosted_sessions import DynamoDBHostedRecords

        hosted = OpenAIHostedSessions(
            client=_set(Names.OPENAI_SECRET_ID, self._openai),
            workflow_id=settings.hosted.workflow_id,
            version=settings.hosted.version,
            requests_per_minute=settings.hosted.requests_per_minute,
        )
        return HostedTokens(
            hosted=hosted,
            records=DynamoDBHostedRecords(client=self._client("dynamodb"), table=settings.table_name),
            seconds=settings.token_seconds,
            session_seconds=settings.session_seconds,
            grace_seconds=settings.refresh_grace_seconds,
        )

    @cached_property
    def _keys(self) -> KeyRing:
        """Those that sign client tokens and anonymous visitors' cookies."""
        return KeyRing(secrets=self._secrets, secret_id=self._settings.token_secret_id, tell_age=self._tell_key_age)

    def _tell_key_age(self, seconds: float) -> None:
        """Written by who issues tokens: in the api function's log, some times an hour."""
        if self._metrics is not None:
            self._metrics.put({"TokenKeyAge": Metric(max(0.0, round(seconds)), "Seconds")}, dimensions={})

    @cached_property
    def _identities(self) -> "list[IdentitySource]":
        """Those that are trusted, in the order in which they are asked who calls."""
        return [self._identity(kind) for kind in _ASKED if kind in self._settings.identity]

    def _identity(self, kind: Identity) -> "IdentitySource":
        from functions.identity.named_users import IamIdentities, LocalIdentities

        match kind:
            case "iam":
                return IamIdentities()
            case "api_key":
                from functions.identity.api_keys import ApiKeyIdentities

                secret_id = _set(Names.API_KEYS_SECRET_ID, self._settings.api_keys_secret_id)
                return ApiKeyIdentities(secret=lambda: self._secrets.text(secret_id))
            case "oidc":
                return self._oidc()
            case "anonymous":
                from functions.identity.anonymous import AnonymousIdentities

                return AnonymousIdentities(
                    keys=self._keys,
                    origins=self._settings.allowed_origins,
                    admit=lambda address: run(self._quotas.visitor(address)),
                )
            case "local":
                return LocalIdentities(alone=self._settings.identity == ("local",))
            case _:
                assert_never(kind)

    def _oidc(self) -> "IdentitySource":
        # `cryptography` is imported here, and nowhere else.
        from functions.identity.oidc import OidcIdentities
        from functions.identity.oidc_http import OidcHttp
        from functions.identity.oidc_keys import IssuerKeys

        trusted = _set(Names.OIDC_ISSUER, self._settings.oidc)
        fetch = OidcHttp(allow_loopback=self._settings.is_local)
        return OidcIdentities(trusted=trusted, keys=IssuerKeys(issuer=trusted.issuer, fetch=fetch))

    @cached_property
    def _ended_sessions(self) -> EndedSessions:
        return EndedSessions(client=self._client("dynamodb"), table=self._settings.table_name)

    @cached_property
    def _assistants(self) -> Mapping[str, Assistant]:
        return assistant.create(has_model=self._settings.openai_secret_id is not None)

    @cached_property
    def _engine(self) -> Engine:
        return Engine(
            store=self._store,
            assistants=self._assistants,
            model=self._model,
            transcriber=self._transcriber,
            metrics=self._metrics,
            counters=self._counters,
            limits=self._settings.limits,
            announcer=self._announcer,
            ids=IdFactory(),
            images=self._images,
            attachments=self._attachments,
        )

    @cached_property
    def _quotas(self) -> Quotas:
        return Quotas(counters=self._counters, limits=self._settings.limits, ids=IdFactory(), metrics=self._metrics)

    @cached_property
    def _counters(self) -> DynamoDBCounters:
        return DynamoDBCounters(client=self._dynamodb, table=self._settings.table_name)

    @cached_property
    def _store(self) -> DynamoDBStore:
        days = self._settings.retention_days
        return DynamoDBStore(
            client=self._dynamodb,
            table=self._settings.table_name,
            large_items=self._large_items,
            retention=None if days is None else timedelta(days=days),
            count_threads=self._settings.limits.count_threads,
        )

    @cached_property
    def _large_items(self) -> LargeItems:
        return LargeItems(client=lambda: self._s3, bucket=self._settings.bucket_name)

    @cached_property
    def _images(self) -> S3Images:
        settings = self._settings
        # What runs on one machine has an address that OpenAI cannot reach.
        return S3Images(client=lambda: self._s3, bucket=settings.bucket_name, is_public=not settings.is_local)

    @cached_property
    def _attachments(self) -> Uploads:
        return Uploads(
            records=self._attachment_records,
            objects=self._objects,
            limits=assistant.ATTACHMENTS,
            ids=IdFactory(),
            now=lambda: datetime.now(UTC),
            files=self._model_files,
        )

    @cached_property
    def _attachment_records(self) -> DynamoDBAttachments:
        return DynamoDBAttachments(client=self._dynamodb, table=self._settings.table_name)

    @cached_property
    def _objects(self) -> S3Objects:
        settings = self._settings
        return S3Objects(client=lambda: self._s3, bucket=settings.bucket_name, is_public=not settings.is_local)

    def _model_files(self) -> ModelFiles | None:
        if self._openai is None:
            return None
        from functions.model.openai_files import OpenAIFiles

        return OpenAIFiles(client=self._openai)

    @cached_property
    def _dynamodb(self) -> "DynamoDBClient":
        return self._client("dynamodb")

    @cached_property
    def _s3(self) -> "S3Client":
        return self._client("s3")

    @cached_property
    def _eventbridge(self) -> "PutsEvents":
        return self._client("events")

    @cached_property
    def _model(self) -> Model:
        settings = self._settings
        if self._openai is None:
            if not settings.is_local:
                raise SettingError(Names.OPENAI_SECRET_ID, "is missing")
            from functions.model.scripted import ScriptedModel

            return ScriptedModel()
        from functions.model.openai_responses import OpenAIResponses

        return OpenAIResponses(client=self._openai)

    @cached_property
    def _metrics(self) -> Metrics | None:
        """None in the local stack: nobody collects them there, and its terminal is for people."""
        return None if self._settings.is_local else Metrics(stage=self._settings.stage)

    @cached_property
    def _announcer(self) -> "Announcer | None":
        """None where nobody is told."""
        if self._settings.event_bus_name is None:
            return None
        from functions.announcements.sending import outbox_of

        return outbox_of(self._settings, client=lambda: self._eventbridge)

    @cached_property
    def _transcriber(self) -> Transcriber | None:
        if self._openai is None:
            return None
        from functions.model.transcription import OpenAITranscriber

        return OpenAITranscriber(client=self._openai)

    @cached_property
    def _openai(self) -> "OpenAIClient | None":
        """The one connection to OpenAI; None where there is no key."""
        secret_id = self._settings.openai_secret_id
        if secret_id is None:
            return None
        from functions.model.openai_client import OpenAIClient, load

        # Nobody waits while a snapshot is made.
        register_before_snapshot(load)
        return OpenAIClient(api_key=lambda: self._secrets.text(secret_id), base_url=self._settings.openai_base_url)

    @cached_property
    def _secrets(self) -> Secrets:
        secrets = Secrets(client=self._client("secretsmanager"))
        # A snapshot may be started from days later.
        register_after_restore(secrets.forget)
        return secrets

    @cached_property
    def _session(self) -> Session:
        return Session()

    def _client(self, service: aws_clients.Service) -> Any:
        client = aws_clients.client(self._session, service, is_local=self._settings.is_local)
        # The connections of a snapshot are gone; the client makes new ones.
        register_after_restore(client.close)
        return client


def key_rotation(settings: RotationSettings) -> "KeyRotation":
    """What the rotation function serves."""
    from functions.identity.rotation import KeyRotation
    from functions.identity.secret_versions import SecretVersions

    logs.set_up(settings.log_level)
    secret_id = settings.token_secret_id
    secret = SecretVersions(client=aws_clients.client(Session(), "secretsmanager"), secret_id=secret_id)
    return KeyRotation(secret=secret, secret_id=secret_id, try_out=_try_out)


def _try_out(key: SigningKey) -> None:
    """Signs a token as the api function does, and verifies it as the chat function does."""
    tokens = ClientTokens(keys=OneKey(key))
    tokens.verify(tokens.issue("rotation").client_secret)


def _set(name: str, value: T | None) -> T:
    """A setting without which the part that is asked for cannot be made."""
    if value is None:
        raise SettingError(name, "is missing")
    return value
