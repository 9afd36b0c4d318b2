"""Pure logic: functions take and return DataFrames (or arrays) and know no session and no path."""
