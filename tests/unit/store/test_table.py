"""The table's definition."""

from typing import Any

from functions.store import keys, rows, table


def test_every_row_has_the_tables_keys() -> None:
    """The attributes of the key schema are those under which rows keep their keys, and both are strings."""
    definition: Any = table.definition("a-table")
    key = rows.key_row(keys.Key("partition", "sort"))
    schema = {part["AttributeName"]: part["KeyType"] for part in definition["KeySchema"]}
    assert schema == {"pk": "HASH", "sk": "RANGE"}
    assert key == {"pk": {"S": "partition"}, "sk": {"S": "sort"}}
    assert [part["AttributeType"] for part in definition["AttributeDefinitions"]] == ["S", "S"]
    assert definition["TableName"] == "a-table"


def test_rows_that_expire_use_the_attribute_that_the_table_watches() -> None:
    """Time to live is on, for the attribute that the package names."""
    assert table.time_to_live() == {"Enabled": True, "AttributeName": table.TTL_ATTRIBUTE}
