"""Reads exported tables with DuckDB, pandas and pyarrow, and prints what each of them finds as one JSON object.

Usage: read.py FOLDER, with journeys, contacts, claims and payments as Parquet, CSV and NDJSON.
"""

import json
import sys
from pathlib import Path

import duckdb
import pandas
import pyarrow.parquet

STAGES = "first_"


def by_duckdb(folder: Path, ending: str) -> dict:
    table = lambda name: f"'{folder / name}.{ending}'"
    ask = lambda sql: duckdb.sql(sql).fetchall()
    columns = [row[0] for row in ask(f"describe select * from {table('journeys')}")]
    stages = [name for name in columns if name.startswith(STAGES) and name.endswith("_on")]
    return {
        "journeys": ask(f"select count(*), count(distinct journey) from {table('journeys')}")[0],
        "stages": {name: ask(f"select count({name}) from {table('journeys')}")[0][0] for name in stages},
        "contacts": ask(f"select count(*), count(*) filter (where counts) from {table('contacts')}")[0],
        "joined": ask(
            f"select count(*) from {table('contacts')} c join {table('journeys')} j on j.journey = c.journey "
            "where c.counts"
        )[0][0],
        "received": str(ask(f"select sum(cast(received_amount as decimal(18, 2))) from {table('payments')}")[0][0]),
        "claims": ask(f"select count(*), count(achieved_on), count(submitted_on) from {table('claims')}")[0],
    }


def by_pandas(folder: Path) -> dict:
    read = lambda name: pandas.read_parquet(folder / f"{name}.parquet")
    journeys, contacts, payments, claims = map(read, ("journeys", "contacts", "payments", "claims"))
    stages = [name for name in journeys.columns if name.startswith(STAGES) and name.endswith("_on")]
    counted = contacts[contacts["counts"]]
    return {
        "journeys": [len(journeys), int(journeys["journey"].nunique())],
        "stages": {name: int(journeys[name].count()) for name in stages},
        "contacts": [len(contacts), len(counted)],
        "joined": len(counted.merge(journeys, on="journey")),
        "received": str(payments["received_amount"].dropna().sum()),
        "claims": [len(claims), int(claims["achieved_on"].count()), int(claims["submitted_on"].count())],
    }


def types(folder: Path) -> dict:
    schema = pyarrow.parquet.read_schema(folder / "contacts.parquet")
    money = pyarrow.parquet.read_schema(folder / "payments.parquet").field("received_amount")
    described = json.loads(schema.metadata[b"throughline"])
    return {
        "occurred_on": str(schema.field("occurred_on").type),
        "recorded_at": str(schema.field("recorded_at").type),
        "received_amount": str(money.type),
        "columns": described["x-columns"] == schema.names,
        "id": [row[1] for row in duckdb.sql(f"describe select contact from '{folder}/contacts.parquet'").fetchall()],
    }


def main() -> None:
    folder = Path(sys.argv[1])
    found = {f"duckdb {ending}": by_duckdb(folder, ending) for ending in ("parquet", "csv", "ndjson")}
    found["pandas parquet"] = by_pandas(folder)
    print(json.dumps({"found": found, "types": types(folder)}))


if __name__ == "__main__":
    main()
