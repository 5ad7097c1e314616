"""Texts of the server (codes LS-5xxx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-5451": Text(
        en="Applied as version {version}, by {author}.",
        zh="已应用，版本 {version}，操作人 {author}。",
    ),
    "LS-5452": Text(en="Nothing to change.", zh="没有需要更改的内容。"),
    "LS-5453": Text(
        en="Dry run: nothing was changed.",
        zh="试运行：未做任何更改。",
    ),
    "LS-5454": Text(
        en="{count} dead letters have an id that starts with {id}; exactly one must. List them "
        "with `lineside-server dead-letter list`.",
        zh="以 {id} 开头的死信有 {count} 条，必须恰好为一条。"
        "可用 `lineside-server dead-letter list` 列出。",
    ),
    "LS-5455": Text(en="None.", zh="无。"),
    "LS-5456": Text(
        en="{edge}, class {class}: {records} records folded; up to date.",
        zh="{edge}，类别 {class}：已处理 {records} 条记录，现已补齐。",
    ),
    "LS-5457": Text(
        en="{edge}, class {class}: {records} records folded, {left} are left: the next one fails "
        "again ({reason}). Its readings are stored. Report it.",
        zh="{edge}，类别 {class}：已处理 {records} 条记录，剩余 {left} 条："
        "下一条再次失败（{reason}）。其读数已保存。请上报。",
    ),
    "LS-5458": Text(
        en="No stream is parked: counters, orders and alarms are up to date.",
        zh="没有停滞的数据流：计数、工单和报警均为最新。",
    ),
    "LS-5501": Text(
        en="The database cannot be used at the moment (SQLSTATE {state}): {reason}. It is tried "
        "again; nothing is lost meanwhile.",
        zh="数据库暂时无法使用（SQLSTATE {state}）：{reason}。系统会继续重试，期间数据不会丢失。",
    ),
    "LS-5502": Text(
        en="The database refuses these values (SQLSTATE {state}): {reason}.",
        zh="数据库拒绝了这些数值（SQLSTATE {state}）：{reason}。",
    ),
    "LS-5503": Text(
        en="The database does not let Lineside work (SQLSTATE {state}): {reason}. Check user, "
        "password, rights and the name of the database; then run `lineside-server migrate`.",
        zh="数据库拒绝 Lineside 的访问（SQLSTATE {state}）：{reason}。"
        "请检查用户、密码、权限和数据库名称，然后运行 `lineside-server migrate`。",
    ),
    "LS-5506": Text(
        en="`database.dsn` cannot be read: {reason}. It is postgresql://user:password@host:port/name.",
        zh="无法识别 `database.dsn`：{reason}。格式为 postgresql://user:password@host:port/name。",
    ),
    "LS-5507": Text(
        en="The database holds a part of Lineside's schema only (SQLSTATE {state}): {reason}. "
        "Perhaps it is being restored; it is looked at again, and nothing in it is changed. If "
        "nobody restores it, restore a backup into an empty database.",
        zh="数据库中只有 Lineside 的部分结构（SQLSTATE {state}）：{reason}。"
        "可能正在恢复备份；系统会再次检查，不会改动其中的内容。"
        "如果没有人在恢复，请将备份恢复到一个空数据库中。",
    ),
    "LS-5510": Text(
        en="The database has revision {found}, which this release does not know: a later release "
        "has migrated it. Start that release.",
        zh="数据库的版本为 {found}，当前程序无法识别：它已由更新的版本升级。请启动更新的版本。",
    ),
    "LS-5401": Text(
        en="The message is neither a record nor a status. It is kept as a dead letter.",
        zh="该消息既不是数据记录也不是状态消息，已作为死信保存。",
    ),
    "LS-5405": Text(
        en="A sample uses tag number {number}, which no tag table of its epoch defines. The record "
        "is kept as a dead letter.",
        zh="样本使用了标签编号 {number}，但该批次的标签表中没有定义。该记录已作为死信保存。",
    ),
    "LS-5406": Text(
        en="A record of kind {kind} stands at {seq} of its stream, where it must not stand.",
        zh="类型为 {kind} 的记录位于数据流的第 {seq} 位，该位置不允许出现此类记录。",
    ),
    "LS-5407": Text(
        en="The record says it comes from {said}, but its topic belongs to {topic}. Check the "
        "configuration of the edge and the access rules of the broker.",
        zh="记录自称来自 {said}，但其主题属于 {topic}。请检查边缘端配置和消息代理的访问规则。",
    ),
    "LS-5408": Text(
        en="A tombstone at {seq} ends at {through}, before its own place.",
        zh="位于 {seq} 的丢弃标记结束于 {through}，早于其自身位置。",
    ),
    "LS-5409": Text(
        en="Tag number {number} is defined a second time in its epoch. The record is kept as a "
        "dead letter.",
        zh="标签编号 {number} 在同一批次中被重复定义。该记录已作为死信保存。",
    ),
    "LS-5410": Text(
        en="The database has less of the stream {epoch}/{class} than was confirmed ({cursor} of "
        "{acked}): it was restored from an older state. The edge is asked to send again; what it "
        "no longer has will stand as a gap.",
        zh="数据库中数据流 {epoch}/{class} 的内容少于已确认的内容（{cursor}/{acked}）："
        "数据库已从较旧的状态恢复。系统已要求边缘端重新发送；边缘端已不再保留的部分将记为数据缺口。",
    ),
    "LS-5411": Text(
        en="Two buffers continue the same one ({predecessor}; class {class}; new one {epoch}): an "
        "old copy of a buffer was put back, or the same one runs on two machines. Both are stored; "
        "find out which one is right.",
        zh="两个缓冲区接续了同一个缓冲区（{predecessor}；类别 {class}；新的为 {epoch}）："
        "可能是旧的缓冲区副本被恢复，或同一缓冲区在两台机器上运行。两者都已保存，请确认哪一个正确。",
    ),
    "LS-5412": Text(
        en="The edge began with a new, empty buffer (class {class}, {epoch}). What the old one had "
        "not delivered is lost and stands as a gap.",
        zh="边缘端使用了全新的空缓冲区（类别 {class}，{epoch}）。"
        "旧缓冲区中尚未送达的数据已丢失，并记为数据缺口。",
    ),
    "LS-5414": Text(
        en="The record {seq} of the stream {epoch}/{class} cannot be used ({reason}). It is kept "
        "as a dead letter, its time stands as a gap.",
        zh="数据流 {epoch}/{class} 的第 {seq} 条记录无法使用（{reason}）。"
        "该记录已作为死信保存，其时间段记为数据缺口。",
    ),
    "LS-5415": Text(
        en="Counters, orders and alarms of the stream {epoch}/{class} stand still since this "
        "record ({reason}); its readings are stored. This is a defect: report it. Once a release "
        "without it runs, `lineside-server refold` catches up.",
        zh="自该记录起，数据流 {epoch}/{class} 的计数、工单和报警已停止更新（{reason}）；"
        "其读数仍在保存。这是程序缺陷，请上报。安装修复后的版本后，"
        "可用 `lineside-server refold` 补齐。",
    ),
    "LS-5416": Text(
        en="The record {seq} of the stream {epoch}/{class} cannot be dealt with ({reason}). The "
        "stream is held there: nothing is lost, the edge keeps its records and sends them again; "
        "all other streams go on. This is a defect: report it.",
        zh="无法处理数据流 {epoch}/{class} 的第 {seq} 条记录（{reason}）。该数据流暂停于此："
        "数据不会丢失，边缘端会保留并重新发送其记录；其他数据流继续运行。这是程序缺陷，请上报。",
    ),
    "LS-5417": Text(
        en="Tag number {number} is beyond {limit}. The record is kept as a dead letter.",
        zh="标签编号 {number} 超过上限 {limit}。该记录已作为死信保存。",
    ),
    "LS-5418": Text(
        en="A message of {edge} on {topic} cannot be dealt with: {reason}. It is not confirmed, so "
        "the edge keeps it. This is a defect: report it.",
        zh="无法处理来自 {edge}（主题 {topic}）的一条消息：{reason}。"
        "该消息未被确认，边缘端会继续保留。这是程序缺陷，请上报。",
    ),
    "LS-5419": Text(
        en="Counters, orders and alarms of the class {class} have caught up and go on.",
        zh="类别 {class} 的计数、工单和报警已补齐并恢复更新。",
    ),
    "LS-5420": Text(
        en="A message of {edge} on {topic} was set aside ({outcome}): {reason}. Look at it with "
        "`lineside-server dead-letter list`.",
        zh="来自 {edge}（主题 {topic}）的一条消息已被搁置（{outcome}）：{reason}。"
        "可用 `lineside-server dead-letter list` 查看。",
    ),
    "LS-5425": Text(
        en="This ingest worker could not renew its lease in time, or another one has taken over. "
        "It closes its connection and begins anew; nothing is lost.",
        zh="本接收进程未能按时续租，或已由其他进程接管。它将关闭连接并重新开始，数据不会丢失。",
    ),
    "LS-5426": Text(
        en="The ingest worker {name} gives no sign of life. Its edges are taken over.",
        zh="接收进程 {name} 已无响应，其边缘端由其他进程接管。",
    ),
    "LS-5427": Text(
        en="The broker {broker} takes what this server says to itself and delivers none of it for "
        "the subscription {filter}. A new connection is made; the edges keep what they have and "
        "send it again. If this happens often, look at the broker's log.",
        zh="消息代理 {broker} 接收了本服务器发给自己的消息，但未向订阅 {filter} 投递。将重新建立"
        "连接；边缘端会保留数据并重发。若经常发生，请检查消息代理的日志。",
    ),
    "LS-5428": Text(
        en="The broker {broker} does not deliver to this server what it says to itself on {topic}: "
        "its access rules probably forbid it. Let the server's user write to "
        "lineside/v1/_server/+/up/#. Until then a lost subscription to the edges is noticed only "
        "after ten minutes, one to plain publishers not at all.",
        zh="消息代理 {broker} 未将本服务器在 {topic} 上发给自己的消息投递回来，可能是访问规则不"
        "允许。请允许服务器的用户写入 lineside/v1/_server/+/up/#。在此之前，对边缘端的订阅丢失要十"
        "分钟后才能发现，对简单发布者的订阅丢失则无法发现。",
    ),
    "LS-5431": Text(
        en="The API cannot listen on {host}, port {port}: {reason}. Choose another address or port "
        "in the section `api`.",
        zh="API 无法在 {host} 的端口 {port} 上监听：{reason}。请在 api 部分改用其他地址或端口。",
    ),
    "LS-5432": Text(
        en="The API must not listen on {host} with an embedded database or broker: these are for "
        "one computer. Use 127.0.0.1, or configure both on servers of your own.",
        zh="使用内置数据库或消息代理时，API 不能在 {host} 上监听：内置部件仅供单机使用。"
        "请使用 127.0.0.1，或将两者都配置到您自己的服务器上。",
    ),
    "LS-5433": Text(
        en="The embedded {part} has ended. It is started again.",
        zh="内置的{part}已退出，正在重新启动。",
    ),
    "LS-5434": Text(
        en="SABOTAGE: this server confirms records and drops their readings, to prove that losses "
        "are found. Never use it for real data.",
        zh="破坏模式：本服务器会先确认记录再丢弃其读数，用于证明数据丢失能够被发现。切勿用于真实数据。",
    ),
    "LS-5504": Text(
        en="Another writer has moved the streams of {edges}. They are read afresh.",
        zh="其他写入者已改动 {edges} 的数据流，正在重新读取。",
    ),
    "LS-5505": Text(
        en="A plan was applied in between. The records are folded again, by the new plan.",
        zh="期间应用了新的计划，正在按新计划重新处理这些记录。",
    ),
    "LS-5460": Text(
        en="{file}: edge {edge}: {taken} records taken ({readings} readings), {already} were here "
        "already.",
        zh="{file}：边缘端 {edge}：导入 {taken} 条记录（{readings} 个读数），{already} 条先前已"
        "有。",
    ),
    "LS-5461": Text(
        en="{file}: {count} records say nothing valid; they are kept as dead letters, and their "
        "time stands as a gap. See lineside-server dead-letter list.",
        zh="{file}：{count} 条记录内容无效，已作为死信保存，对应时间记为缺口。请查看 "
        "lineside-server dead-letter list。",
    ),
    "LS-5462": Text(
        en="{file}: record {record} at byte {offset} is refused: {reason}. The edge still has it: "
        "export it again, or connect the edge.",
        zh="{file}：第 {record} 条记录（第 {offset} 字节处）被拒绝：{reason}。边缘端仍保留该记录："
        "请重新导出，或连接边缘端。",
    ),
    "LS-5463": Text(
        en="{file}: {count} more records are refused.",
        zh="{file}：另有 {count} 条记录被拒绝。",
    ),
    "LS-5464": Text(
        en="{file}: {count} records wait for earlier ones that are not here yet. Import the file "
        "exported before this one, or connect the edge; then import this one again.",
        zh="{file}：{count} 条记录需要等待尚未到达的更早记录。请先导入更早导出的文件或连接边缘端，"
        "然后重新导入本文件。",
    ),
}
