"""Items that are not finished: how they are kept while a turn runs, shown to who reads on, and closed. Pure."""

from collections.abc import Iterable, Sequence

from functions.ids import position
from functions.protocol.base import Page
from functions.protocol.items import (
    AssistantMessageItem,
    GeneratedImageItem,
    ThreadItem,
    WorkflowItem,
    is_hidden,
)
from functions.store.base import MAX_ITEMS, Order


def closed(item: ThreadItem) -> ThreadItem | None:
    """An open item as it is kept when its turn broke off: nothing in it is pending. None where it holds nothing yet."""
    match item:
        case AssistantMessageItem():
            return item if any(part.text.strip() for part in item.content) else None
        case GeneratedImageItem():
            return item if item.image is not None else None
        case WorkflowItem():
            for task in item.workflow.tasks:
                if task.status_indicator == "loading":
                    task.status_indicator = "none"
            return item if item.workflow.tasks else None
        case _:
            return item


def all_closed(items: Iterable[ThreadItem]) -> list[ThreadItem]:
    """Those of some open items that hold something, closed."""
    return [kept for item in items if (kept := closed(item)) is not None]


def for_checkpoint(items: Iterable[ThreadItem]) -> list[ThreadItem]:
    """Open items as a checkpoint keeps them: the first `MAX_ITEMS`, without the bytes of pictures.

    A picture in the making comes again and again, a megabyte each time; the whole one is stored when it is done.
    """
    light = [
        item.model_copy(update={"image": None})
        if isinstance(item, GeneratedImageItem) and item.image is not None and item.image.url.startswith("data:")
        else item
        for item in items
    ]
    return light[:MAX_ITEMS]


def overlaid(
    page: Page[ThreadItem], unfinished: Sequence[ThreadItem], *, after: str | None, limit: int, order: Order
) -> Page[ThreadItem]:
    """A page of finished items with the unfinished ones in their places, as if they were stored.

    `page` was read with `after`, `limit` and `order`, and after `unfinished`: an item that is in both is finished.
    """
    stored = {item.id for item in page.data}
    start = position(after) if after is not None else None
    end = _place(page.data[-1]) if page.has_more and page.data else None
    ascending = order == "asc"

    def lies_within(item: ThreadItem) -> bool:
        place = _place(item)
        behind_start = start is None or (place > start if ascending else place < start)
        before_end = end is None or (place < end if ascending else place > end)
        return behind_start and before_end

    shown = [item for item in unfinished if item.id not in stored and not is_hidden(item) and lies_within(item)]
    if not shown:
        return page
    items = sorted([*page.data, *shown], key=_place, reverse=not ascending)
    has_more = page.has_more or len(items) > limit
    items = items[:limit]
    return Page[ThreadItem](data=items, has_more=has_more, after=items[-1].id if has_more else None)


def _place(item: ThreadItem) -> str:
    return position(item.id) or ""
