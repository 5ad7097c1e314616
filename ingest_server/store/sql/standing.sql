-- name: views
-- Views on some tables, also on other such views, in the order in which they can be made again: name,
-- the statement up to its query, the query, what comes behind it, and what they have beside it.
WITH RECURSIVE uses AS (
    SELECT oid, 0 AS depth FROM unnest(%(tables)s::text[]) AS t (name), LATERAL (SELECT t.name::regclass::oid) AS o (oid)
    UNION ALL
    SELECT r.ev_class, u.depth + 1
    FROM uses AS u
    JOIN pg_depend AS d ON d.refobjid = u.oid AND d.refclassid = 'pg_class'::regclass
        AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite AS r ON r.oid = d.objid AND r.ev_class <> u.oid
), views AS (
    SELECT oid, max(depth) AS depth FROM uses WHERE depth > 0 GROUP BY oid
), named AS (
    SELECT c.oid, v.depth, c.relkind, c.relowner, c.relacl, c.relispopulated, c.reloptions,
           format('%%I.%%I', n.nspname, c.relname) AS name,
           CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS kind
    FROM views AS v JOIN pg_class AS c USING (oid) JOIN pg_namespace AS n ON n.oid = c.relnamespace
)
SELECT format('CREATE %%s %%s %%s AS ', v.kind, v.name,
              'WITH (' || array_to_string(v.reloptions, ', ') || ')'),
       rtrim(pg_get_viewdef(v.oid), '; '),
       CASE WHEN v.relkind = 'm' AND NOT v.relispopulated THEN ' WITH NO DATA' ELSE '' END,
       ARRAY(SELECT pg_get_indexdef(x.indexrelid) FROM pg_index AS x WHERE x.indrelid = v.oid)
       || ARRAY(SELECT format('COMMENT ON INDEX %%s IS %%L', x.indexrelid::regclass,
                              obj_description(x.indexrelid, 'pg_class'))
                FROM pg_index AS x
                WHERE x.indrelid = v.oid AND obj_description(x.indexrelid, 'pg_class') IS NOT NULL)
       || ARRAY(SELECT CASE WHEN s.objsubid = 0
                    THEN format('COMMENT ON %%s %%s IS %%L', v.kind, v.name, s.description)
                    ELSE format('COMMENT ON COLUMN %%s.%%I IS %%L', v.name, a.attname, s.description)
                    END
                FROM pg_description AS s
                LEFT JOIN pg_attribute AS a ON a.attrelid = v.oid AND a.attnum = s.objsubid
                WHERE s.objoid = v.oid AND s.classoid = 'pg_class'::regclass)
       || ARRAY(SELECT format('ALTER %%s %%s OWNER TO %%I', v.kind, v.name, pg_get_userbyid(v.relowner))
                WHERE pg_get_userbyid(v.relowner) <> current_user)
       || ARRAY(SELECT format('GRANT %%s %%s ON %%s TO %%s %%s', g.privilege_type, g.columns, v.name,
                              CASE WHEN g.grantee = 0 THEN 'PUBLIC'
                                   ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
                              CASE WHEN g.is_grantable THEN 'WITH GRANT OPTION' END)
                FROM (SELECT e.*, NULL::text AS columns FROM aclexplode(v.relacl) AS e
                      UNION ALL
                      SELECT e.*, format('(%%I)', a.attname)
                      FROM pg_attribute AS a, aclexplode(a.attacl) AS e
                      WHERE a.attrelid = v.oid) AS g
                WHERE g.grantee <> v.relowner)
FROM named AS v
ORDER BY v.depth, v.oid

-- name: obstacles
-- What hangs on some tables and on the views on them, and is no view that can be made again: a view
-- of an owner this user cannot make one for, and all that `DROP TABLE ... CASCADE` would take along.
WITH RECURSIVE held AS (
    SELECT t.name::regclass::oid AS oid, false AS is_view FROM unnest(%(tables)s::text[]) AS t (name)
    UNION
    SELECT r.ev_class, true
    FROM held AS h
    JOIN pg_depend AS d ON d.refobjid = h.oid AND d.refclassid = 'pg_class'::regclass
        AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite AS r ON r.oid = d.objid AND r.ev_class <> h.oid AND r.rulename = '_RETURN'
), parts AS (
    SELECT DISTINCT 'pg_class'::regclass AS classid, oid FROM held
    UNION
    SELECT 'pg_type'::regclass, t.oid FROM held AS h JOIN pg_type AS t ON t.typrelid = h.oid
    UNION
    SELECT 'pg_type'::regclass, t.typarray FROM held AS h JOIN pg_type AS t ON t.typrelid = h.oid
), hanging AS (
    SELECT DISTINCT d.classid, d.objid, d.objsubid
    FROM parts AS p
    JOIN pg_depend AS d ON d.refclassid = p.classid AND d.refobjid = p.oid AND d.deptype IN ('n', 'a')
)
SELECT pg_describe_object(h.classid, h.objid, h.objsubid)
FROM hanging AS h
LEFT JOIN pg_rewrite AS r ON h.classid = 'pg_rewrite'::regclass AND r.oid = h.objid
LEFT JOIN pg_trigger AS t ON h.classid = 'pg_trigger'::regclass AND t.oid = h.objid
LEFT JOIN pg_constraint AS c ON h.classid = 'pg_constraint'::regclass AND c.oid = h.objid
LEFT JOIN pg_class AS k ON h.classid = 'pg_class'::regclass AND k.oid = h.objid
LEFT JOIN pg_attrdef AS a ON h.classid = 'pg_attrdef'::regclass AND a.oid = h.objid
WHERE NOT coalesce(r.rulename = '_RETURN'
                   OR t.tgisinternal
                   OR c.contype <> 'f'
                   OR k.relkind IN ('i', 'I')
                   OR k.relispartition
                   OR a.adrelid IN (SELECT oid FROM held WHERE NOT is_view), false)
  AND h.classid <> 'pg_type'::regclass
UNION ALL
SELECT format('%%s (%%s)', pg_describe_object('pg_class'::regclass, c.oid, 0), pg_get_userbyid(c.relowner))
FROM held AS h JOIN pg_class AS c USING (oid) JOIN pg_roles AS me ON me.rolname = current_user
WHERE h.is_view AND NOT me.rolsuper AND c.relowner <> me.oid
  AND NOT (pg_has_role(c.relowner, 'SET') AND has_schema_privilege(c.relowner, c.relnamespace, 'CREATE'))
ORDER BY 1
