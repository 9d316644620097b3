"""Parquet, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lexgrad.errors import InputError
from lexgrad.text.jsonlines import label_text
from lexgrad.text.sources import Source, unzipped
from lexgrad.text.tables import Row, Table, find_column, refuse_missing_label, refuse_nul

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 4096


class ParquetTable(Table):
    """Two columns of a Parquet file; other columns are not read."""

    def __init__(self, source: Source, text: str, label: str | None) -> None:
        self.source = source.name
        self.has_labels = label is not None
        self._source = unzipped(source)
        self._rows_read = 0
        self._fingerprint: str | None = None
        with self._file() as file:
            schema = file.schema_arrow
            self._row_count = file.metadata.num_rows
        self._text = find_column(text, schema.names, self.source, "text")
        self._label = None if label is None else find_column(label, schema.names, self.source, "label")
        self._columns = [text] if label is None else [text, label]
        self._check_types(schema)
        if not self._row_count:
            raise InputError(f"{self.source}: has columns but no rows")

    def __iter__(self) -> Iterator[Row]:
        import pyarrow as pa

        number = 0
        label: str | None = None
        with self._file() as file:
            try:
                # Several row groups are never held at once: `pre_buffer` would read them ahead.
                for batch in file.iter_batches(BATCH_ROWS, columns=self._columns, use_threads=False):
                    texts = batch.column(self._columns[0]).to_pylist()
                    labels = [None] * len(texts) if self._label is None else self._labels(batch, number)
                    for text, label in zip(texts, labels, strict=True):
                        number += 1
                        if text is None:
                            raise InputError(f"{self.source}: row {number} has no text (it is null)")
                        if "\0" in text:
                            refuse_nul(self.source, number)
                        yield Row(text, label, number)
                    self._rows_read = number
            except (pa.ArrowException, OSError) as error:
                fault = f"damaged Parquet after row {number}: {_one_line(error)}"
                raise InputError(f"{self.source}: {fault}") from error

    @property
    def total_bytes(self) -> int:
        """Size on disk."""
        return self._source.total_bytes

    @property
    def position(self) -> int:
        """The share of the file's rows read, as bytes."""
        return self.total_bytes * self._rows_read // int(self._row_count)

    def fingerprint(self) -> str:
        """Return SHA-256 of the bytes on disk (decompressed, where the file was gzipped)."""
        if self._fingerprint is None:
            self._fingerprint = self._source.fingerprint()
        return self._fingerprint

    def _file(self) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.ParquetFile(self._source.path, pre_buffer=False, buffer_size=1 << 20)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self.source}: is not a readable Parquet file: {_one_line(error)}") from error

    def _check_types(self, schema: pa.Schema) -> None:
        import pyarrow.types as kinds

        def inner(column: str) -> pa.DataType:
            kind = schema.field(column).type
            return kind.value_type if kinds.is_dictionary(kind) else kind

        text = inner(self._columns[0])
        if not _is_string(text):
            raise InputError(f"{self.source}: expected column {self._columns[0]!r} to hold text, found {text}")
        if self._label is None:
            return
        label = inner(self._columns[1])
        fit = (_is_string, kinds.is_integer, kinds.is_boolean, kinds.is_floating)
        if not any(test(label) for test in fit):
            raise InputError(
                f"{self.source}: expected column {self._columns[1]!r} to hold text or numbers, found {label}"
            )

    def _labels(self, batch: pa.RecordBatch, before: int) -> list[str]:
        labels = [label_text(value) for value in batch.column(self._columns[1]).to_pylist()]
        for number, label in enumerate(labels, start=before + 1):
            if not label:
                refuse_missing_label(self.source, number)
        return labels  # type: ignore[return-value]  # none is None any more


def _is_string(kind: pa.DataType) -> bool:
    import pyarrow.types as kinds

    view = getattr(kinds, "is_string_view", lambda _: False)
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind) or view(kind))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
