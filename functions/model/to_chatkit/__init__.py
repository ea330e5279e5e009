"""A response's stream becomes ChatKit events. Pure: it is fed one event after the other, and does no I/O.

| Responses event | ChatKit |
| --- | --- |
| `output_item.added`, a message | an open workflow is done, then `thread.item.added` |
| `content_part.added` | `assistant_message.content_part.added`; `reasoning_text` parts are not shown |
| `output_text.delta`, `refusal.delta` | `assistant_message.content_part.text_delta` |
| `output_text.annotation.added` | `assistant_message.content_part.annotation_added`: see `citations` |
| `content_part.done` | `assistant_message.content_part.done`, with the annotations |
| `output_item.done`, a message | `thread.item.done`, with the whole content |
| `reasoning_summary_text.delta`, `.done` | a thought in the workflow, which opens with its first task: see `thoughts` |
| tool calls that OpenAI runs by itself | a task in the workflow, `loading`, then `complete`: see `tool_calls` |
| `output_item.added`, an image | `thread.item.added`, a `generated_image` |
| `image_generation_call.partial_image` | `generated_image.updated`, with a data URL |
| `output_item.done`, an image | `thread.item.done`, with a data URL; `thread.item.removed` where there is no picture |
| `response.completed` | the end |
| `response.failed`, `response.incomplete`, `error`; or no terminal event | `ModelError`, once what came before was sent |

Several items may be open at once: they are told apart by `output_index`, as ids have been seen to change between
`added` and `done` behind proxies. Events of other types, also unknown ones, are passed over; calls of the author's own
functions are not shown, and stand in `ResponseReader.output`.

Event types: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from functions.model.to_chatkit.images import partial_images
from functions.model.to_chatkit.reader import ResponseReader
from functions.model.to_chatkit.workflows import Workflows

__all__ = ["ResponseReader", "Workflows", "partial_images"]
