"""What pgAdmin's query tool does with a text: one Query message for all of it.

    DATABASE_URL=postgres://... run_query.py FILE.sql
"""

import os
import pathlib
import sys

import psycopg

# What it says first on every connection, in one message as well.
GREETING = """
SET DateStyle=ISO;
SET client_min_messages=notice;
SELECT set_config('bytea_output','hex',false)
    FROM pg_show_all_settings() WHERE name = 'bytea_output';
SET client_encoding='UTF8';
"""

with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True,
                     application_name="pgAdmin 4 - CONN:1") as connection:
    connection.execute(GREETING)
    connection.execute(pathlib.Path(sys.argv[1]).read_text())
