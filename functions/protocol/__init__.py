"""ChatKit's wire types, named as the official ones are (`openai-chatkit` 1.6.5, `chatkit/types.py`).

`requests` holds what the client sends, `events` what it is sent. Fields that a client adds and we do not know are passed
over; a wrong value is refused, with its path. Everything here is pydantic and does no I/O.
"""
