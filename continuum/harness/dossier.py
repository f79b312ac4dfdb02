"""Where every number of a store comes from, as one document that programs read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .records import Record, Study, record_columns
from .store import Store

__all__ = ["SCHEMA", "provenance_of"]

SCHEMA = "continuum-provenance/1"


def provenance_of(store: str | os.PathLike[str]) -> dict[str, Any]:
    """Where the numbers of a store come from: what was measured of what, by which runs, and a digest of the numbers.

    The document holds JSON types only. Keys are not taken away or given another meaning within one `schema`; new ones
    may come.

    Args:
        store: the file.

    Raises:
        StoreError: if it cannot be read.

    Example:
        >>> import tempfile
        >>> from continuum import Interval, evaluate, from_function
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = from_function(Interval(), lambda t: t)
        ...     _ = evaluate(path, {"square": lambda x: x**2}, points=3, store=f"{folder}/a.db", name="squares")
        ...     found = provenance_of(f"{folder}/a.db")
        >>> found["schema"], [study["name"] for study in found["studies"]], found["studies"][0]["done"]
        ('continuum-provenance/1', ['squares'], 3)
    """
    with Store.read(store) as db:
        studies = [_study(db, db.study(name)) for name in db.names()]
    return {"schema": SCHEMA, "store": Path(store).name, "studies": studies}


def _study(db: Store, study: Study) -> dict[str, Any]:
    records = db.records(study.keys)
    found = [records[row.key] for row in study.rows if row.key in records]
    failed = sum(record.error is not None for record in found)
    labels = {row.label: row.role for row in reversed(study.rows) if row.role != "endpoint"}
    metrics = {row.metric: {"metric": row.metric, "goal": row.goal, "unit": row.unit} for row in study.rows}
    return {
        "name": study.name,
        "axes": list(study.axes),
        "planned": len(study.rows),
        "done": len(found) - failed,
        "failed": failed,
        "digest": _digest(records),
        "labels": [{"label": label, "role": labels[label]} for label in reversed(labels)],
        "metrics": list(metrics.values()),
        "runs": list(db.runs({record.run for record in found})),
    }


def _digest(records: Mapping[str, Record]) -> str:
    """SHA-256 of the keys and numbers, but for the seconds that they took: equal for equal results."""
    digest = hashlib.sha256()
    for key in sorted(records):
        _, value, error, *_ = record_columns(records[key])
        digest.update(json.dumps([key, None if value is None else float(value).hex(), error]).encode())
    return digest.hexdigest()
