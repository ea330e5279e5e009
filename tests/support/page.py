"""A page with a chat, over HTTP: what it sends is what ChatKit.js sends, and what it has seen can be asked for."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import httpx2

Json: TypeAlias = dict[str, Any]

Condition: TypeAlias = Callable[["Reading"], bool]


class Page:
    """One user, one mounted component."""

    def __init__(self, http: httpx2.AsyncClient, *, token: str, origin: str) -> None:
        """`http` knows where the server is; `token` is the user's, `origin` the page's."""
        self.frame = str(uuid.uuid4())
        self._http = http
        self._headers = {
            "authorization": f"Bearer {token}",
            "chatkit-frame-instance-id": self.frame,
            "content-type": "application/json",
            "origin": origin,
        }

    async def ask(self, kind: str, **params: Any) -> tuple[Json, httpx2.Headers]:
        """The answer to a request that is not streamed, and its headers."""
        headers = {"accept": "*/*", **self._headers}
        response = await self._http.post("/chatkit", content=body(kind, params), headers=headers)
        response.raise_for_status()
        return response.json(), response.headers

    async def items(self, thread_id: str) -> tuple[list[Json], bool]:
        """What a page that is loaded shows of a thread, and whether it is told to look again."""
        thread, headers = await self.ask("threads.get_by_id", thread_id=thread_id)
        return thread["items"]["data"], headers.get("chatkit-turn") == "running"

    def send(self, kind: str, *, agent: str | None = None, **params: Any) -> "Reading":
        """Sends a streaming request, and reads its answer to the end, in a task. The same call again is a repeat."""
        return Reading(self._stream(body(kind, params), agent))

    def create(self, text: str) -> "Reading":
        """The first message of a thread."""
        return self.send("threads.create", input=message(text))

    def add(self, thread_id: str, text: str) -> "Reading":
        """A further message."""
        return self.send("threads.add_user_message", thread_id=thread_id, input=message(text))

    async def _stream(self, content: bytes, agent: str | None) -> AsyncIterator[Json]:
        headers = {"accept": "text/event-stream", **self._headers}
        if agent is not None:
            headers["x-agent-type"] = agent
        async with self._http.stream("POST", "/chatkit", content=content, headers=headers) as response:
            response.raise_for_status()
            rest = b""
            async for chunk in response.aiter_bytes():
                *frames, rest = (rest + chunk).split(b"\n\n")
                for frame in frames:
                    if frame.startswith(b"data: "):
                        yield json.loads(frame[6:])


class Reading:
    """A stream that is being read."""

    def __init__(self, stream: AsyncIterator[Json]) -> None:
        self.events: list[Json] = []
        self.times: list[float] = []
        """When each event came, by the event loop's clock."""
        self.failure: httpx2.HTTPError | None = None
        """Why the stream did not come to its own end, by the rules of HTTP: the process was killed."""
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._read(stream))

    async def end(self) -> "Reading":
        """Returns when there is nothing more to read: the stream has ended, or broke off."""
        await self._task
        return self

    async def until(self, condition: Condition) -> "Reading":
        """Returns when what was read fulfils the condition, or when there is nothing more to read."""
        while not condition(self) and not self._task.done():
            self._changed.clear()
            changed = asyncio.create_task(self._changed.wait())
            await asyncio.wait({changed, self._task}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
        return self

    async def leave(self) -> None:
        """Closes the connection."""
        self._task.cancel()
        await asyncio.wait({self._task})

    @property
    def is_whole(self) -> bool:
        """Whether the stream has come to its own end."""
        return self._task.done() and self.failure is None

    @property
    def types(self) -> list[str]:
        """The events' types."""
        return [event["type"] for event in self.events]

    @property
    def thread_id(self) -> str | None:
        """The thread that was created, once the page knows it."""
        return next((event["thread"]["id"] for event in self.events if event["type"] == "thread.created"), None)

    @property
    def done(self) -> dict[str, Json]:
        """The items that were done, as they were when they were last heard of, by id."""
        items: dict[str, Json] = {}
        for event in self.events:
            if event["type"] in {"thread.item.done", "thread.item.replaced"}:
                items[event["item"]["id"]] = event["item"]
            elif event["type"] == "thread.item.removed":
                items.pop(event["item_id"], None)
        return items

    @property
    def said(self) -> str:
        """The text of all messages, as far as it came in pieces."""
        return "".join(self.said_in(None).values())

    def said_in(self, before: float | None) -> dict[str, str]:
        """The texts of the messages that came in pieces, by item, as far as they came before a time."""
        texts: dict[str, str] = {}
        for event, time in zip(self.events, self.times, strict=True):
            if before is not None and time >= before:
                break
            if event["type"] == "thread.item.added":
                texts[event["item"]["id"]] = text_of(event["item"])
            elif event["type"] == "thread.item.removed":
                texts.pop(event["item_id"], None)
            elif event["type"] == "thread.item.updated":
                texts[event["item_id"]] = texts.get(event["item_id"], "") + event["update"].get("delta", "")
        return texts

    @property
    def offers_retry(self) -> bool:
        """Whether the last event is an error that may be retried."""
        return self.events[-1]["type"] == "error" and self.events[-1]["allow_retry"]

    async def _read(self, stream: AsyncIterator[Json]) -> None:
        try:
            async for event in stream:
                self.events.append(event)
                self.times.append(asyncio.get_running_loop().time())
                self._changed.set()
        except (httpx2.RemoteProtocolError, httpx2.HTTPStatusError) as failure:
            self.failure = failure


def body(kind: str, params: Json) -> bytes:
    """A request's body, byte for byte the same for the same request."""
    return json.dumps({"type": kind, "params": params}).encode()


def message(text: str) -> Json:
    """A user message as the client sends it."""
    return {"content": [{"type": "input_text", "text": text}], "attachments": [], "inference_options": {}}


def text_of(item: Json) -> str:
    """What an item says: nothing where it is no message."""
    return "".join(part["text"] for part in item.get("content", []))
