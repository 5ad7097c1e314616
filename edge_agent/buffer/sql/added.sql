-- Tables that files of earlier releases do not have; run at each opening.

-- Ids under which people sent something.
create table if not exists received (
    rowid integer primary key,
    id    blob    not null unique,
    at_us integer not null
) strict;
