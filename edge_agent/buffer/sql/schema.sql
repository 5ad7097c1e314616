-- The edge's buffer. Every opening of the file for writing is an epoch; epochs form a chain by ord.
create table epoch (
    ord       integer primary key,   -- place in the chain, from 1
    epoch     blob    not null unique,
    opened_us integer not null,
    alive_us  integer not null,      -- when its agent last said that it was running
    closed_us integer,               -- null: it did not close in order
    agent     text    not null
) strict;

-- Outlives its records, so that what is gone can still be accounted for.
create table stream (
    ord      integer not null references epoch (ord),
    cls      text    not null check (cls in ('key', 'bulk')),
    last_seq integer not null,
    acked    integer not null check (acked <= last_seq),
    from_us  integer,                -- event times of all it ever held
    to_us    integer,
    primary key (ord, cls)
) strict, without rowid;

create table record (
    id      integer primary key,
    ord     integer not null,
    cls     text    not null,
    seq     integer not null,
    through integer not null check (through >= seq),  -- beyond seq only in tombstones
    kind    integer not null,
    cause   text,                    -- of tombstones
    exact   integer not null,        -- 0: span and count of a tombstone are estimated
    samples integer not null,
    from_us integer not null,
    to_us   integer not null,
    at_us   integer not null,        -- when it became durable
    size    integer not null,
    body    blob    not null,        -- as it is sent: prefix and packed body
    foreign key (ord, cls) references stream (ord, cls)
) strict;
create unique index record_place on record (ord, cls, seq);

-- "At at_us everything up to seq was acknowledged": how long acknowledged records were kept.
create table ack_mark (
    ord   integer not null,
    cls   text    not null,
    seq   integer not null,
    at_us integer not null,
    primary key (ord, cls, seq)
) strict, without rowid;

create table command (
    id     blob primary key,
    at_us  integer not null,
    answer blob not null
) strict, without rowid;
