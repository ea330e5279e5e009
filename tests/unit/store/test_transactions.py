"""Transactions and updates: refused, in conflict, sent twice."""

import asyncio
from typing import Any

import pytest

from functions.errors import InternalError, Unavailable
from functions.store import keys, transactions, turn_actions
from functions.store.rows import Row
from functions.store.transactions import ConditionsFailed, commit
from tests.unit.store.conftest import Answer, Scripted

ROW: Row = {"pk": {"S": "U#alice"}, "sk": {"S": "T#1"}}
ACTIONS = [transactions.put("table", ROW), transactions.put_new("table", ROW), transactions.delete("table", ROW)]


def cancelled(*codes: str, item: Any = None) -> Answer:
    """A cancelled transaction, with a reason for each action."""
    reasons = [{"Code": code} | ({"Item": item} if item and code != "None" else {}) for code in codes]
    return Answer(400, "TransactionCanceledException", {"CancellationReasons": reasons})


def test_botocores_own_retry_repeats_the_token(scripted: Scripted) -> None:
    """A transaction whose answer was lost is sent again with the same token, so that DynamoDB does it once."""
    client, script = scripted(Answer(500, "InternalServerError"), Answer(), attempts=2)
    asyncio.run(commit(client, ACTIONS))
    first, second = script.bodies
    assert first["ClientRequestToken"]
    assert first == second


def test_two_transactions_have_two_tokens(scripted: Scripted) -> None:
    """The token is one transaction's own: a like one later is another."""
    client, script = scripted(Answer())
    for _ in range(2):
        asyncio.run(commit(client, ACTIONS))
    assert len({body["ClientRequestToken"] for body in script.bodies}) == 2


def test_failed_conditions_are_told_by_action(scripted: Scripted) -> None:
    """Which actions' conditions failed is told, with the row that was met, and they are not tried again."""
    client, script = scripted(cancelled("None", "ConditionalCheckFailed", "None", item=ROW))
    with pytest.raises(ConditionsFailed) as caught:
        asyncio.run(commit(client, ACTIONS))
    assert caught.value.failed == {1: ROW}
    assert len(script.bodies) == 1


def test_a_rival_beside_a_failed_condition_is_waited_for(scripted: Scripted) -> None:
    """What the rival writes may fail another condition, which is told too: a caller may put it first."""
    undecided = cancelled("None", "ConditionalCheckFailed", "TransactionConflict", item=ROW)
    client, script = scripted(
        undecided, cancelled("None", "ConditionalCheckFailed", "ConditionalCheckFailed", item=ROW)
    )
    with pytest.raises(ConditionsFailed) as caught:
        asyncio.run(commit(client, ACTIONS))
    assert caught.value.failed == {1: ROW, 2: ROW}
    assert len(script.bodies) == 2


def test_a_rival_that_stays_beside_a_failed_condition(scripted: Scripted) -> None:
    """After some attempts the condition that fails without the rival is told alone."""
    client, script = scripted(cancelled("None", "ConditionalCheckFailed", "TransactionConflict", item=ROW))
    with pytest.raises(ConditionsFailed) as caught:
        asyncio.run(commit(client, ACTIONS))
    assert caught.value.failed == {1: ROW}
    assert len(script.bodies) > 2


def test_a_condition_that_met_no_row_says_so(scripted: Scripted) -> None:
    """A failed condition without a row is told as None."""
    client, _ = scripted(cancelled("ConditionalCheckFailed", "None", "None"))
    with pytest.raises(ConditionsFailed) as caught:
        asyncio.run(commit(client, ACTIONS))
    assert caught.value.failed == {0: None}


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_rival_is_waited_for(scripted: Scripted, code: str) -> None:
    """Where another transaction is at the same rows, the transaction is tried again, as a new one."""
    client, script = scripted(cancelled(code, "None", "None"), cancelled("None", code, code), Answer())
    asyncio.run(commit(client, ACTIONS))
    assert len({body["ClientRequestToken"] for body in script.bodies}) == 3


def test_a_rival_that_stays_makes_it_unavailable(scripted: Scripted) -> None:
    """After some attempts the transaction is given up, and a retry of the whole may help."""
    client, script = scripted(cancelled("TransactionConflict", "None", "None"))
    with pytest.raises(Unavailable):
        asyncio.run(commit(client, ACTIONS))
    assert len(script.bodies) > 2


def test_who_is_patient_waits_longer(scripted: Scripted) -> None:
    """As often as it is said; the last answer counts."""
    rivals = [cancelled("TransactionConflict", "None", "None") for _ in range(5)]
    client, script = scripted(*rivals, Answer())
    asyncio.run(commit(client, ACTIONS, attempts=6))
    assert len(script.bodies) == 6


@pytest.mark.parametrize("codes", [("ValidationError", "None"), ("TransactionConflict", "ItemCollectionSizeLimit"), ()])
def test_another_reason_is_a_fault_of_ours(
    scripted: Scripted, codes: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """A transaction that can never succeed is not tried again, and its reasons are in the log."""
    client, script = scripted(cancelled(*codes))
    with pytest.raises(InternalError):
        asyncio.run(commit(client, ACTIONS))
    assert len(script.bodies) == 1
    for code in codes:
        assert code in caplog.text


UPDATE = turn_actions.ask_to_stop("table", keys.Key("T#1", keys.TURN))


def test_an_update_tells_the_row_as_it_was(scripted: Scripted) -> None:
    """An update is one request, and returns the row before it; of none it returns an empty one."""
    client, script = scripted(Answer(body={"Attributes": ROW}), Answer())
    assert asyncio.run(transactions.update(client, UPDATE)) == ROW
    assert asyncio.run(transactions.update(client, UPDATE)) == {}
    assert script.bodies == [{**UPDATE, "ReturnValues": "ALL_OLD"}] * 2


def test_an_update_whose_condition_failed(scripted: Scripted) -> None:
    """A failed condition is told as that of action 0, and is not tried again."""
    client, script = scripted(Answer(400, "ConditionalCheckFailedException"))
    with pytest.raises(ConditionsFailed) as caught:
        asyncio.run(transactions.update(client, UPDATE))
    assert caught.value.failed == {0: None}
    assert len(script.bodies) == 1


def test_an_update_waits_for_a_rival_transaction(scripted: Scripted) -> None:
    """Where a transaction is at the same row, the update is tried again."""
    conflict = Answer(400, "TransactionConflictException")
    client, script = scripted(conflict, conflict, Answer(body={"Attributes": ROW}))
    assert asyncio.run(transactions.update(client, UPDATE)) == ROW
    assert len(script.bodies) == 3


def test_an_update_whose_rivals_stay_is_unavailable(scripted: Scripted, caplog: pytest.LogCaptureFixture) -> None:
    """After some attempts the update is given up, and a retry of the whole may help."""
    client, script = scripted(Answer(400, "TransactionConflictException"))
    with pytest.raises(Unavailable):
        asyncio.run(transactions.update(client, UPDATE))
    assert len(script.bodies) > 2
    assert "rival" in caplog.text


@pytest.mark.parametrize(
    ("code", "error"), [("ThrottlingException", Unavailable), ("ValidationException", InternalError)]
)
def test_an_update_that_fails_otherwise(scripted: Scripted, code: str, error: type[Exception]) -> None:
    """An update that DynamoDB throttles or refuses fails as any other call does."""
    client, script = scripted(Answer(400, code))
    with pytest.raises(error):
        asyncio.run(transactions.update(client, UPDATE))
    assert len(script.bodies) == 1
