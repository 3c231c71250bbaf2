"""A run's trades, orders, fills and costs as CSV files or as one Excel workbook."""

from pathlib import Path
from typing import Any, Literal, TypeAlias

import pandas as pd

from core.errors import ConfigError, StoreError
from core.files import write_atomically
from core.number_format import spreadsheet_cell

from .run_folder import is_run_folder

Format: TypeAlias = Literal["csv", "xlsx"]
TABLES = ("trades", "orders", "fills", "costs")
ROWS = 1_048_575
"""Rows of an Excel sheet below its heading."""


def export_run(folder: Path, to: Format, out: Path | None = None) -> list[Path]:
    """Write the tables of a run folder for spreadsheet programs.

    Times are UTC: in CSV with their offset, in Excel without one, since its cells have none. Texts that a spreadsheet
    would compute begin with an apostrophe.

    Parameters
    ----------
    folder : a run folder; nothing in it is changed.
    to : ``csv`` writes a file for each table, ``xlsx`` one workbook with a sheet for each.
    out : the folder to write into; by default the run's own.

    Returns
    -------
    The files.

    Raises
    ------
    StoreError
        No run folder, a damaged table, or a folder that cannot be written.
    ConfigError
        The library that writes Excel files is not installed.
    """
    require_run(folder)
    tables = {name: _table(folder / f"{name}.parquet") for name in TABLES}
    target = out or folder
    try:
        target.mkdir(parents=True, exist_ok=True)
        return _csv(tables, target) if to == "csv" else [_workbook(tables, target / f"{folder.resolve().name}.xlsx")]
    except OSError as error:
        raise StoreError(f"{target}: cannot be written: {error.strerror}; choose another --out") from error


def require_run(folder: Path) -> None:
    """Refuse a folder that has no tables to export, before anything is written.

    Raises
    ------
    StoreError
        It is none.
    """
    if not is_run_folder(folder) or not (folder / "trades.parquet").exists():
        raise StoreError(f"{folder}: is no run folder with trades; name one that a run wrote")


def _table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path}: cannot be read ({' '.join(str(error).split())[:120]}); run the config again"
        ) from None
    for name in table.columns[[pd.api.types.is_string_dtype(kind) for kind in table.dtypes]]:
        table[name] = table[name].map(spreadsheet_cell, na_action="ignore")
    return table


def _csv(tables: dict[str, pd.DataFrame], folder: Path) -> list[Path]:
    paths = []
    for name, table in tables.items():
        paths.append(folder / f"{name}.csv")
        write_atomically(paths[-1], table.to_csv(index=False, lineterminator="\n").encode())
    return paths


def _workbook(tables: dict[str, pd.DataFrame], path: Path) -> Path:
    try:
        import xlsxwriter
    except ImportError:
        raise ConfigError('Excel files need the extra xlsx: pip install -e ".[xlsx]", or use --to csv') from None
    long = next((name for name, table in tables.items() if len(table) > ROWS), None)
    if long:
        raise ConfigError(f"{long} has {len(tables[long]):,} rows; an Excel sheet holds {ROWS:,}: use --to csv")
    part = path.with_name(f"{path.name}.part")
    try:
        options = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
        book = xlsxwriter.Workbook(part, options)
        heading = book.add_format({"bold": True})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for name, table in tables.items():
            _sheet(book.add_worksheet(name), table, heading, moment)
        book.close()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _sheet(sheet: Any, table: pd.DataFrame, heading: Any, moment: Any) -> None:
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(table):
        values = table[name]
        is_time = isinstance(values.dtype, pd.DatetimeTZDtype)
        sheet.write(0, column, f"{name} (UTC)" if is_time else name, heading)
        sheet.set_column(column, column, 20 if is_time else 12)
        for row, value in enumerate(values, start=1):
            if pd.isna(value):
                continue
            if is_time:
                sheet.write_datetime(row, column, value.tz_localize(None).to_pydatetime(), moment)
            else:
                sheet.write(row, column, value)
