"""The other side of the benchmark: `openai-chatkit` and `openai-agents`, put together as their documentation does.

https://openai.github.io/chatkit-python/guides/respond-to-user-message: a `ChatKitServer` whose `respond` runs an agent
and converts its events, behind one route that gives `process` the body and streams what comes back. The store keeps
everything in memory and copies nothing; there is no sign-in, and the web framework is Starlette alone, without
FastAPI on top: each choice is the cheaper one for this side.
"""

from collections.abc import AsyncIterator
from itertools import dropwhile
from typing import TypeVar

from agents import Agent, Runner
from chatkit.agents import AgentContext, simple_to_agent_input, stream_agent_response
from chatkit.server import ChatKitServer, StreamingResult
from chatkit.store import NotFoundError, Store
from chatkit.types import Attachment, Page, ThreadItem, ThreadMetadata, ThreadStreamEvent, UserMessageItem
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

_HISTORY = 20
_Row = TypeVar("_Row", ThreadMetadata, ThreadItem)


class MemoryStore(Store[None]):
    """Threads and their items in dictionaries."""

    def __init__(self) -> None:
        """Begins empty."""
        self._threads: dict[str, ThreadMetadata] = {}
        self._items: dict[str, dict[str, ThreadItem]] = {}

    async def load_thread(self, thread_id: str, context: None) -> ThreadMetadata:
        """The thread. Raises `NotFoundError`."""
        if thread_id not in self._threads:
            raise NotFoundError(thread_id)
        return self._threads[thread_id]

    async def save_thread(self, thread: ThreadMetadata, context: None) -> None:
        """Keeps the thread."""
        self._threads[thread.id] = thread
        self._items.setdefault(thread.id, {})

    async def load_threads(self, limit: int, after: str | None, order: str, context: None) -> Page[ThreadMetadata]:
        """A page of threads by age."""
        return _page(list(self._threads.values()), limit, after, order)

    async def delete_thread(self, thread_id: str, context: None) -> None:
        """Forgets the thread and its items."""
        self._threads.pop(thread_id, None)
        self._items.pop(thread_id, None)

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: None
    ) -> Page[ThreadItem]:
        """A page of a thread's items by age."""
        return _page(list(self._items[thread_id].values()), limit, after, order)

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: None) -> None:
        """Keeps a new item."""
        self._items[thread_id][item.id] = item

    async def save_item(self, thread_id: str, item: ThreadItem, context: None) -> None:
        """Keeps an item, new or changed."""
        self._items[thread_id][item.id] = item

    async def load_item(self, thread_id: str, item_id: str, context: None) -> ThreadItem:
        """The item. Raises `NotFoundError`."""
        if item_id not in self._items[thread_id]:
            raise NotFoundError(item_id)
        return self._items[thread_id][item_id]

    async def delete_thread_item(self, thread_id: str, item_id: str, context: None) -> None:
        """Forgets an item."""
        self._items[thread_id].pop(item_id, None)

    async def save_attachment(self, attachment: Attachment, context: None) -> None:
        """The benchmark sends no attachment."""
        raise NotImplementedError

    async def load_attachment(self, attachment_id: str, context: None) -> Attachment:
        """There is none."""
        raise NotFoundError(attachment_id)

    async def delete_attachment(self, attachment_id: str, context: None) -> None:
        """There is none."""
        raise NotFoundError(attachment_id)


def _page(rows: list[_Row], limit: int, after: str | None, order: str) -> Page[_Row]:
    ordered = rows if order == "asc" else rows[::-1]
    if after is not None:
        ordered = list(dropwhile(lambda row: row.id != after, ordered))[1:]
    data = ordered[:limit]
    more = len(ordered) > limit
    return Page(data=data, has_more=more, after=data[-1].id if more else None)


class AssistantServer(ChatKitServer[None]):
    """One agent without tools."""

    agent = Agent[AgentContext[None]](name="Assistant", instructions="You are a helpful assistant.", model="gpt-5-mini")

    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: None
    ) -> AsyncIterator[ThreadStreamEvent]:
        """Runs the agent on the thread's last items."""
        page = await self.store.load_thread_items(thread.id, None, _HISTORY, "desc", context)
        agent_context = AgentContext(thread=thread, store=self.store, request_context=context)
        history = await simple_to_agent_input(page.data[::-1])
        result = Runner.run_streamed(self.agent, history, context=agent_context)
        async for event in stream_agent_response(agent_context, result):
            yield event


_server = AssistantServer(MemoryStore())


async def chatkit(request: Request) -> Response:
    """The one route."""
    result = await _server.process(await request.body(), None)
    if isinstance(result, StreamingResult):
        return StreamingResponse(result, media_type="text/event-stream")
    return Response(result.json, media_type="application/json")


app = Starlette(routes=[Route("/chatkit", chatkit, methods=["POST"])])
