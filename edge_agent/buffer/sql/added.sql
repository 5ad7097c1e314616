-- Tables that files of earlier releases do not have; run at each opening.

-- Ids under which people sent something.
create table if not exists received (
    rowid integer primary key,
    id    blob    not null unique,
    at_us integer not null
) strict;

-- What the server dispatched to this line: the newest word on each order at each equipment.
create table if not exists dispatched_order (
    order_no  text    not null,
    equipment text    not null,
    revision  integer not null,
    state     text    not null check (state in ('dispatched', 'withdrawn')),
    product   text    not null,
    quantity  real,
    due_us    integer,
    rank      integer not null,
    note      text    not null,
    at_us     integer not null,      -- when it came
    primary key (order_no, equipment)
) strict, without rowid;
