"""Texts of the server (codes LS-5xxx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
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
    "LS-5510": Text(
        en="The database has revision {found}, which this release does not know: a later release "
        "has migrated it. Start that release.",
        zh="数据库的版本为 {found}，当前程序无法识别：它已由更新的版本升级。请启动更新的版本。",
    ),
}
