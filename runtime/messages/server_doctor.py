"""Texts of `lineside-server doctor` (codes LS-57xx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-5700": Text(
        en="Database: PostgreSQL {version}, {size}, {connections} of {most} connections used.",
        zh="数据库：PostgreSQL {version}，{size}，已用连接 {connections}/{most}。",
    ),
    "LS-5701": Text(
        en="PostgreSQL {version} is not among the supported versions (16 to 18): move the data to "
        "one of them ({size}, {connections} of {most} connections used).",
        zh="PostgreSQL {version} 不在支持的版本（16 至 18）之内：请将数据迁移到受支持的版本"
        "（{size}，已用连接 {connections}/{most}）。",
    ),
    "LS-5702": Text(
        en="The database runs with {setting} = off: a power cut can lose what edges have already "
        "been told is safe. Turn it on.",
        zh="数据库的 {setting} 为 off：断电可能丢失已向边缘端确认的数据。请将其打开。",
    ),
    "LS-5703": Text(
        en="The database is a standby and takes nothing: name the primary in database.dsn.",
        zh="该数据库是只读备库，无法写入：请在 database.dsn 中填写主库。",
    ),
    "LS-5704": Text(
        en="The database has the encoding {encoding}, which cannot hold every text: make one with "
        "UTF8 and restore the data into it.",
        zh="数据库编码为 {encoding}，无法保存所有文字：请新建 UTF8 编码的数据库并恢复数据。",
    ),
    "LS-5705": Text(
        en="{connections} of {most} connections of the database are used. Raise max_connections, "
        "or see who holds them (pg_stat_activity).",
        zh="数据库连接已用 {connections}/{most}。请调高 max_connections，或在 pg_stat_activity 中"
        "查看由谁占用。",
    ),
    "LS-5706": Text(
        en="Schema: {revision}, that of this release.", zh="数据库结构：{revision}，与本版本一致。"
    ),
    "LS-5707": Text(
        en="Schema: {found}; this release has {newest}. `lineside-server migrate`, or the next "
        "start of the server, brings it there.",
        zh="数据库结构为 {found}，本版本为 {newest}。运行 `lineside-server migrate` 或下次启动"
        "服务器时会自动升级。",
    ),
    "LS-5708": Text(
        en="The database holds nothing of Lineside yet: the first start of the server makes it.",
        zh="数据库中还没有 Lineside 的数据：首次启动服务器时会自动建立。",
    ),
    "LS-5709": Text(
        en="The database's clock is {seconds} s off this computer's. Edges correct themselves by "
        "the database's: have both synchronised (NTP).",
        zh="数据库时钟与本机相差 {seconds} 秒。边缘端以数据库时钟为准进行校正："
        "请让两者都同步（NTP）。",
    ),
    "LS-5710": Text(
        en="TimescaleDB {version} ({edition}) holds the readings.",
        zh="读数保存在 TimescaleDB {version}（{edition}）中。",
    ),
    "LS-5711": Text(
        en="TimescaleDB {version} could be used and is not: `lineside-server timescaledb enable` "
        "moves the readings into it.",
        zh="可以使用 TimescaleDB {version}，但尚未启用：运行 `lineside-server timescaledb enable` "
        "即可迁移读数。",
    ),
    "LS-5712": Text(
        en="Database: embedded; the first start of the server makes it.",
        zh="数据库：内嵌；首次启动服务器时建立。",
    ),
    "LS-5713": Text(
        en="Broker {broker}: connected and listening after {ms} ms.",
        zh="消息代理 {broker}：{ms} 毫秒后已连接并可接收消息。",
    ),
    "LS-5714": Text(
        en="Broker {broker} has not let anybody log in and listen for {limit_s} s: see what holds "
        "it up.",
        zh="消息代理 {broker} 在 {limit_s} 秒内未能完成登录和订阅：请检查其为何停滞。",
    ),
    "LS-5715": Text(
        en="Broker: embedded, and not running; it starts with the server.",
        zh="消息代理：内嵌，未运行；随服务器一起启动。",
    ),
    "LS-5716": Text(
        en="A server answers at {where}, and all its parts are well.",
        zh="服务器在 {where} 正常应答，各部分均正常。",
    ),
    "LS-5717": Text(
        en="A server answers at {where}, but not all of it is well: {parts}. Its log says why.",
        zh="服务器在 {where} 应答，但以下部分不正常：{parts}。原因见其日志。",
    ),
    "LS-5718": Text(
        en="No server has served the API with this configuration ({file} is not there): start "
        "`lineside-server run`, where this computer is to serve it.",
        zh="尚无服务器用此配置提供接口（缺少 {file}）：如果由本机提供，"
        "请启动 `lineside-server run`。",
    ),
    "LS-5719": Text(
        en="No server answers at {where}: {reason}. Start `lineside-server run`, where this "
        "computer is to serve the API.",
        zh="{where} 没有服务器应答：{reason}。如果由本机提供接口，请启动 `lineside-server run`。",
    ),
    "LS-5720": Text(
        en="Ingest: {workers} workers serve all {shards} shards.",
        zh="接收：{workers} 个进程服务全部 {shards} 个分片。",
    ),
    "LS-5721": Text(
        en="Ingest: {workers} workers serve {shards} of 64 shards: what edges of the others send "
        "waits at the edges. Start `lineside-server run --role ingest`, or wait some seconds if it "
        "has just been started.",
        zh="接收：{workers} 个进程只服务 64 个分片中的 {shards} 个，其余分片的数据在边缘端"
        "等待。请启动 `lineside-server run --role ingest`；若刚启动，请等待几秒。",
    ),
    "LS-5722": Text(
        en="Edges: {online} of {edges} in service are connected.",
        zh="边缘端：{edges} 台在用，其中 {online} 台在线。",
    ),
    "LS-5723": Text(
        en="{edge} is in service and not connected (last seen: {since}). See to it, or declare it: "
        "`lineside-server edges set-state`.",
        zh="{edge} 在用但未连接（最后在线：{since}）。请检查，或用 "
        "`lineside-server edges set-state` 声明其状态。",
    ),
    "LS-5724": Text(
        en="{count} streams are stored, but their counters, orders and alarms stand still: "
        "`lineside-server refold` catches up and tells the reason.",
        zh="{count} 个数据流已保存，但计数、工单和报警未更新：运行 `lineside-server refold` "
        "可补算并显示原因。",
    ),
    "LS-5725": Text(
        en="{count} messages could not be used: `lineside-server dead-letter list` shows them.",
        zh="{count} 条消息无法使用：运行 `lineside-server dead-letter list` 查看。",
    ),
    "LS-5726": Text(
        en="{count} times without data are not accepted by anybody: `lineside-server gaps list` "
        "shows them.",
        zh="{count} 段数据缺口尚无人确认：运行 `lineside-server gaps list` 查看。",
    ),
    "LS-5727": Text(
        en="No plan is in force, so nothing is counted for orders: `lineside-server apply`.",
        zh="尚无生效的工厂计划，因此不会为工单计数：请运行 `lineside-server apply`。",
    ),
    "LS-5730": Text(en="Data folder {folder}: {free} free.", zh="数据目录 {folder}：剩余 {free}。"),
    "LS-5731": Text(
        en="Data folder {folder}: only {free} free. Make room.",
        zh="数据目录 {folder}：仅剩 {free}。请清理空间。",
    ),
    "LS-5732": Text(
        en="Data folder {folder}: nothing can be written there ({reason}). Check its owner and "
        "permissions.",
        zh="数据目录 {folder} 无法写入（{reason}）。请检查其所有者和权限。",
    ),
    "LS-5740": Text(en="ok  ", zh="正常"),
    "LS-5741": Text(en="look", zh="注意"),
    "LS-5742": Text(en="BAD ", zh="故障"),
    "LS-5743": Text(
        en="{bad} to be mended, {look} to be looked at.", zh="{bad} 项需要修复，{look} 项需要查看。"
    ),
}
