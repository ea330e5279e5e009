"""What one message asks of AWS: the design's counts. `tests/contracts/test_costs.py` measures those that can be measured."""

import math
from dataclasses import dataclass
from typing import Final

from infra.config import Config

ANSWER_CHARACTERS: Final = 1200
ANSWER_SECONDS: Final = 8
"""A usual answer: some 300 tokens, at 40 a second. The time to its first token is part of it."""
MESSAGES_PER_THREAD: Final = 5
"""How often somebody writes into a thread before the next. Opening it, and what else is done once for each, is shared."""

MONTH_SECONDS: Final = 730 * 3600
GB: Final = 1_000_000_000

# Measured.
TURN_WRITES: Final = 31
"""Write units of a turn: its beginning, its row about once a second, its end (docs/turns.md tells what they are)."""
TURN_READS: Final = 0
"""Read units of the looks whether a stop was asked for, where there was nothing to write."""
HISTORY_READS: Final = 2
"""Read units of the conversation so far, which the model is sent; on average over a thread's messages."""
STORED_BYTES: Final = 2_230
"""What a message and its answer add to the table."""
STREAM_BYTES: Final = 56_700
"""What the answer's stream holds: each of the model's deltas is an event of its own."""

# Read off the design.
COUNTER_WRITES: Final = 2 + 3 / MESSAGES_PER_THREAD
"""Write units by which limits are kept: each message begins and ends, each thread is counted (docs/limits.md)."""
SESSION_WRITES: Final = 1 / MESSAGES_PER_THREAD
"""Write units: each session is remembered when it begins."""
START_READS: Final = 2
"""The thread, and whether the session was ended; one read unit each."""
OPENING_READS: Final = 4 / MESSAGES_PER_THREAD
"""A page lists threads and reads one: two requests, which read some four units."""
CHAT_CALLS: Final = 1 + 2 / MESSAGES_PER_THREAD + 1 / MESSAGES_PER_THREAD
"""Calls of the chat function: the message; the list and the thread that are read; a preflight, which browsers remember."""
API_CALLS: Final = 4 / MESSAGES_PER_THREAD
"""Calls of the api function, by the REST API: a token and its renewal, and a preflight of each."""
SECRET_LIFE: Final = 300
"""Seconds for which a process uses what it has read of Secrets Manager."""
SECRETS_PER_CALL: Final = 2
"""The key of client tokens and that of OpenAI."""
EVENTS: Final = 1 + 1 / MESSAGES_PER_THREAD
"""What is told to the bus of events: the turn's end, the thread's beginning."""

# Assumed: they depend on Lambda, or on what is being talked about.
OVERHEAD_SECONDS: Final = 0.2
"""What a turn takes beside the answer."""
READ_SECONDS: Final = 0.05
"""What any other request takes."""
COLD_SECONDS: Final = 0.7 / MESSAGES_PER_THREAD
"""A cold start for each thread; at many messages a second there are fewer."""
REQUEST_BYTES: Final = 8_000
"""What the model is sent, which leaves AWS: instructions and the conversation so far."""
CHAT_LOG_BYTES: Final = 2_500
"""Lambda's lines about a call, and ours: the metrics of a turn."""
OTHER_LOG_BYTES: Final = 1_200
"""The same of a call without a turn; with the REST API's line."""
PEAK: Final = 3
"""How many times as many processes as the average needs: people write by day."""
METRICS: Final = 12 + 1
"""What a turn's numbers become in CloudWatch, with one model and no failures, and the age of the key (docs/model.md)."""

SECRETS: Final = 2
SWEEPS: Final = 730
"""Calls of the sweep function in a month; half a second each."""
SWEEP_GB: Final = 0.5


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the bill: so much of what has this price."""

    service: str
    price: str
    """Its name in the price file."""
    amount: float


def lines(messages: int, config: Config) -> list[Line]:
    """What a month with so many messages uses, without what stands there anyhow."""
    chat_gb, api_gb = config.chat_memory / 1024, config.api_memory / 1024
    turn_seconds = ANSWER_SECONDS + OVERHEAD_SECONDS + COLD_SECONDS
    chat_seconds = turn_seconds + (CHAT_CALLS - 1) * READ_SECONDS
    log_bytes = CHAT_LOG_BYTES + (CHAT_CALLS - 1 + API_CALLS) * OTHER_LOG_BYTES
    stored = messages * STORED_BYTES / GB
    return [
        Line("Lambda", "lambda_request", messages * (CHAT_CALLS + API_CALLS)),
        Line("Lambda", "lambda_gb_second", messages * (chat_seconds * chat_gb + API_CALLS * READ_SECONDS * api_gb)),
        Line("DynamoDB, requests", "dynamodb_write", messages * (TURN_WRITES + COUNTER_WRITES + SESSION_WRITES)),
        Line(
            "DynamoDB, requests", "dynamodb_read", messages * (TURN_READS + HISTORY_READS + START_READS + OPENING_READS)
        ),
        Line("DynamoDB, what a month adds", "dynamodb_gb_month", stored),
        Line("DynamoDB, what a month adds", "dynamodb_backup_gb_month", stored),
        Line("REST API (tokens)", "rest_request", messages * API_CALLS),
        Line("data to pages and to OpenAI", "data_out_gb", messages * (STREAM_BYTES + REQUEST_BYTES) / GB),
        Line("logs", "logs_gb", messages * log_bytes / GB),
        Line("logs", "logs_gb_month", messages * log_bytes / GB * config.log_days / 30),
        Line("metrics of turns", "metric_month", METRICS if messages else 0),
        Line("Secrets Manager, calls", "secret_call", secret_calls(messages, turn_seconds)),
        Line("events", "event", messages * EVENTS),
    ]


def secret_calls(messages: int, turn_seconds: float) -> float:
    """Each process reads its secrets every five minutes, if it is called: for each message, where these are rare."""
    processes = max(1, math.ceil(messages * turn_seconds / MONTH_SECONDS)) * PEAK
    return SECRETS_PER_CALL * min(messages, processes * MONTH_SECONDS / SECRET_LIFE)


def choices(config: Config) -> list[Line]:
    """What may be added to that, each for a month: by what is stored, and by what is chosen."""
    snapshot = config.chat_memory / 1024 * MONTH_SECONDS
    return [
        Line("each GB in the table, backed up", "dynamodb_gb_month", 1),
        Line("each GB in the table, backed up", "dynamodb_backup_gb_month", 1),
        Line("each GB of files in the bucket", "s3_gb_month", 1),
        Line("each GB of logs that is kept", "logs_gb_month", 1),
        Line("each GB of events in an archive", "archive_gb_month", 1),
        Line("`identity` names `api_key`: a secret", "secret_month", 1),
        Line("each alarm", "alarm_month", 1),
        Line("alarms: the key of KMS with which they are encrypted", "kms_key_month", 1),
        Line("each dashboard beyond an account's third, or of more than 50 metrics", "dashboard_month", 1),
        Line("each version of the chat function with a SnapStart snapshot", "snapstart_cache_gb_second", snapshot),
        Line("WAF: a web ACL", "web_acl_month", 1),
        Line("WAF: each rule, or group of managed rules", "waf_rule_month", 1),
    ]


def standing() -> list[Line]:
    """What a stage costs when nobody calls, beside what it stores."""
    return [
        Line("secrets", "secret_month", SECRETS),
        Line("hourly sweep", "lambda_request", SWEEPS),
        Line("hourly sweep", "lambda_gb_second", SWEEPS * 0.5 * SWEEP_GB),
        Line("hourly sweep", "dynamodb_read", SWEEPS),
    ]
