"""History as files for spreadsheets: rows as they come from the database, CSV, Excel."""
