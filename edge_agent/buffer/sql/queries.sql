-- epochs --
-- The chain, oldest first.
select ord, epoch, opened_us, alive_us, closed_us from epoch order by ord;

-- streams --
-- Every stream with what is held of it.
select s.ord, s.cls, s.last_seq, s.acked, s.from_us, s.to_us,
       (select count(*) from record r where r.ord = s.ord and r.cls = s.cls) as records,
       (select count(*) from record r where r.ord = s.ord and r.cls = s.cls and r.kind in (2, 3))
from stream s order by s.ord, s.cls;

-- open_epoch --
insert into epoch (ord, epoch, opened_us, alive_us, closed_us, agent)
values (:ord, :epoch, :at_us, :at_us, null, :agent);

-- open_stream --
insert into stream (ord, cls, last_seq, acked, from_us, to_us) values (:ord, :cls, 0, 0, null, null);

-- close_epoch --
-- Its agent collected until its last commit, not until it let go of the file.
update epoch set closed_us = :at_us where ord = :ord;

-- alive --
-- By the clock as it is now: one that was ahead for a while would hide the next time without an agent.
update epoch set alive_us = :at_us where ord = :ord;

-- append --
insert into record
    (ord, cls, seq, through, kind, cause, exact, samples, from_us, to_us, at_us, size, body)
values
    (:ord, :cls, :seq, :through, :kind, :cause, :exact, :samples, :from_us, :to_us, :at_us, :size,
     :body);

-- grow --
update stream set last_seq = :last_seq, from_us = :from_us, to_us = :to_us
where ord = :ord and cls = :cls;

-- acked --
update stream set acked = :acked where ord = :ord and cls = :cls;

-- mark --
-- The first mark of a seq stays: since then it has been acknowledged.
insert or ignore into ack_mark (ord, cls, seq, at_us) values (:ord, :cls, :seq, :at_us);

-- newest_marks --
-- When each stream's progress was last marked.
select ord, cls, max(at_us) from ack_mark group by ord, cls;

-- kept_until --
-- What was acknowledged so long ago that it need not be kept.
select ord, cls, max(seq) from ack_mark where at_us <= :before_us group by ord, cls;

-- drop_marks --
delete from ack_mark where at_us <= :before_us and exists (
    select 1 from ack_mark later
    where later.ord = ack_mark.ord and later.cls = ack_mark.cls
      and later.at_us <= :before_us and later.seq > ack_mark.seq);

-- drop_marks_above --
delete from ack_mark where ord = :ord and cls = :cls and seq > :acked;

-- records_from --
-- The record that covers :seq, and those behind it.
select seq, through, body from record
where ord = :ord and cls = :cls and seq >= coalesce(
    (select max(seq) from record where ord = :ord and cls = :cls and seq <= :seq), 0)
order by seq limit :most;

-- held --
-- Lowest seq held of each stream.
select ord, cls, min(seq) from record group by ord, cls;

-- oldest_unacked --
select from_us, at_us from record where ord = :ord and cls = :cls and seq > :acked
order by seq limit 1;

-- rows_of --
-- What retention may look at of one stream, in order; never the bodies.
select id, seq, through, kind, cause, exact, samples, from_us, to_us, at_us, size from record
where ord = :ord and cls = :cls and seq > :after and through <= :upto
  and (:fixed or kind not in (2, 3))
order by seq limit :most;

-- places --
-- Where records of a stream stand, for finding holes.
select seq, through, from_us, to_us from record
where ord = :ord and cls = :cls and through > :acked and seq >= coalesce(
    (select max(seq) from record where ord = :ord and cls = :cls and seq <= :acked), 0)
order by seq;

-- delete --
delete from record where id = :id;

-- forget_stream --
delete from stream where ord = :ord;

-- forget_marks --
delete from ack_mark where ord = :ord;

-- forget_epoch --
delete from epoch where ord = :ord;

-- answer_of --
select answer from command where id = :id;

-- answered --
insert or replace into command (id, at_us, answer) values (:id, :at_us, :answer);

-- forget_answers --
-- The newest thousand stay.
delete from command where at_us < (
    select at_us from command order by at_us desc limit 1 offset 1000);

-- received --
insert or ignore into received (id, at_us) values (:id, :at_us);

-- is_received --
select 1 from received where id = :id;

-- forget_received --
-- The newest twenty thousand stay.
delete from received where rowid <= (
    select rowid from received order by rowid desc limit 1 offset 20000);

-- take_order --
-- The newest revision counts, in whatever order they come.
insert into dispatched_order
    (order_no, equipment, revision, state, product, quantity, due_us, rank, note, at_us)
values
    (:order_no, :equipment, :revision, :state, :product, :quantity, :due_us, :rank, :note, :at_us)
on conflict (order_no, equipment) do update set
    revision = excluded.revision, state = excluded.state, product = excluded.product,
    quantity = excluded.quantity, due_us = excluded.due_us, rank = excluded.rank,
    note = excluded.note, at_us = excluded.at_us
where excluded.revision > dispatched_order.revision;

-- count_other_orders --
-- How many are dispatched besides this one.
select count(*) from dispatched_order
where state = 'dispatched' and not (order_no = :order_no and equipment = :equipment);

-- dispatched_orders --
-- What there is to do.
select order_no, equipment, revision, product, quantity, due_us, rank, note, at_us
from dispatched_order where state = 'dispatched' order by equipment, rank, due_us, order_no;

-- forget_withdrawn --
-- The newest of them stay.
delete from dispatched_order where state = 'withdrawn' and at_us < (
    select at_us from dispatched_order where state = 'withdrawn'
    order by at_us desc limit 1 offset :most);
