"""Texts of the server's storage: retention, columnstore, TimescaleDB (codes LS-58xx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-5820": Text(
        en="Readings of the class {class} came so late that retention has frozen their time: they "
        "are not stored, their time and number stand as a gap (late_after_retention). Keep "
        "readings longer (section `retention`) if edges stay away that long.",
        zh="类别 {class} 的部分读数到达过晚，其所属时段已超过保留期限："
        "这些读数未保存，其时间和数量已记为数据缺口（late_after_retention）。"
        "如果边缘端可能离线这么久，请在 retention 部分延长保留期限。",
    ),
    "LS-5821": Text(
        en="Readings of the class {class} have times more than ten years back or two days ahead: "
        "a clock is wrong. They are not stored, their time and number stand as a gap "
        "(implausible_time). Set the clock of the device or of the edge's computer.",
        zh="类别 {class} 的部分读数的时间早于十年前或晚于两天后：时钟有误。"
        "这些读数未保存，其时间和数量已记为数据缺口（implausible_time）。"
        "请校正设备或边缘端计算机的时钟。",
    ),
    "LS-5822": Text(
        en="Retention moved on while old readings were being stored. They are looked at again.",
        zh="保存较早的读数期间，保留期限已推进，正在重新检查这些读数。",
    ),
    "LS-5830": Text(
        en="{longer} must be at least {shorter}: figures are made from readings and outlive them. "
        "Without a number both are kept for ever.",
        zh="{longer} 不得小于 {shorter}：汇总数据由读数生成，应保留更久。不填数字则永久保留。",
    ),
    "LS-5831": Text(en="Nothing is too old.", zh="没有超过保留期限的数据。"),
    "LS-5832": Text(
        en="No more readings of the class {class} are taken before {before}.",
        zh="不再接收类别 {class} 在 {before} 之前的读数。",
    ),
    "LS-5833": Text(
        en="Readings of the class {class} before {before} are not summed up yet: they stay until "
        "that is done. The role `work` of a running server does it.",
        zh="类别 {class} 在 {before} 之前的读数尚未汇总：汇总完成前会继续保留。"
        "汇总由运行中的服务器的 work 角色完成。",
    ),
    "LS-5834": Text(
        en="{table}: {from} to {to} dropped, {size} freed.",
        zh="{table}：已删除 {from} 至 {to}，释放 {size}。",
    ),
    "LS-5835": Text(
        en="{table}: {from} to {to}, {rows} readings of the class {class} removed.",
        zh="{table}：{from} 至 {to}，已删除类别 {class} 的 {rows} 条读数。",
    ),
    "LS-5836": Text(
        en="{table}: {from} to {to}, readings of the class {class} would be removed.",
        zh="{table}：{from} 至 {to}，将删除类别 {class} 的读数。",
    ),
    "LS-5837": Text(
        en="{table}: {from} to {to} would be dropped, {size}.",
        zh="{table}：将删除 {from} 至 {to}，{size}。",
    ),
    "LS-5840": Text(
        en="The database is being moved to TimescaleDB, and that is not finished. Call "
        "`lineside-server timescaledb enable` again; it goes on where it ended. Then start the "
        "server.",
        zh="数据库正在迁移到 TimescaleDB，尚未完成。"
        "请再次运行 `lineside-server timescaledb enable`，它会从中断处继续；完成后再启动服务器。",
    ),
    "LS-5841": Text(
        en="These use the database: {who}. Stop all servers first; the edges keep what they read "
        "meanwhile.",
        zh="以下程序正在使用数据库：{who}。请先停止所有服务器；边缘端会在此期间保留其读数。",
    ),
    "LS-5842": Text(
        en="This database server has no TimescaleDB. Install the extension there, add timescaledb "
        "to shared_preload_libraries, start it again, then call this command again.",
        zh="该数据库服务器没有 TimescaleDB。请在其上安装该扩展，将 timescaledb 加入 "
        "shared_preload_libraries 并重启，然后再次运行本命令。",
    ),
    "LS-5843": Text(
        en="{table} has {found} rows, {copied} were copied. Nothing of it was changed. Report it.",
        zh="{table} 有 {found} 行，复制了 {copied} 行。该表未作任何更改。请上报。",
    ),
    "LS-5849": Text(
        en="These hang on the tables to be moved and could not be made again as they are: {what}. "
        "Nothing was moved. Note how they were made, drop them, call this command again, then "
        "make them anew; for a view that names its owner, call the command as a role that may "
        "give it to that owner.",
        zh="以下对象依赖于待迁移的表，且无法原样重建：{what}。未迁移任何数据。"
        "请记下其定义并删除，再次运行本命令，完成后重新创建；"
        "对于注明所有者的视图，请以有权将其交给该所有者的角色运行本命令。",
    ),
    "LS-5844": Text(
        en="{table}: {rows} rows moved; {left} parts to go.",
        zh="{table}：已迁移 {rows} 行；剩余 {left} 个部分。",
    ),
    "LS-5845": Text(
        en="Done: everything is in hypertables of TimescaleDB. Start the server.",
        zh="完成：所有数据已在 TimescaleDB 的超表中。可以启动服务器。",
    ),
}
