"""Texts of the rig and scripts (codes LS-8xxx)."""

from __future__ import annotations

from runtime.messages.text import Text

# LS-80xx are read by scripts/bootstrap.py without importing this module: keep them literal.
TEXTS: dict[str, Text] = {
    "LS-8001": Text(
        en="Lineside needs Python 3.11 or newer; {python} is {found}. Install a newer one and "
        "start the script with it: python3.11 scripts/demo",
        zh="Lineside 需要 Python 3.11 或更高版本，而 {python} 是 {found}。"
        "请安装新版本并用它启动脚本：python3.11 scripts/demo",
    ),
    "LS-8002": Text(
        en="The scripts run on Linux and macOS. On Windows install the edge agent: "
        "pip install lineside[edge]",
        zh="这些脚本只在 Linux 和 macOS 上运行。在 Windows 上请安装边缘代理："
        "pip install lineside[edge]",
    ),
    "LS-8003": Text(
        en="Another process is installing into {venv}; waiting for it.",
        zh="另一个进程正在向 {venv} 安装，正在等待其完成。",
    ),
    "LS-8004": Text(
        en="{venv} was not made by Lineside's scripts and lacks {missing}. Remove it, or set "
        "LINESIDE_VENV to another folder.",
        zh="{venv} 不是由 Lineside 的脚本创建的，缺少 {missing}。"
        "请将其删除，或将 LINESIDE_VENV 设为其他目录。",
    ),
    "LS-8005": Text(
        en="The environment in {venv} cannot be made: {reason}. Free space or permissions there, "
        "or set LINESIDE_VENV to another folder.",
        zh="无法在 {venv} 创建运行环境：{reason}。请检查该处的磁盘空间和权限，"
        "或将 LINESIDE_VENV 设为其他目录。",
    ),
    "LS-8006": Text(
        en="Installing into {venv} (once; about 120 MB).",
        zh="正在安装到 {venv}（仅需一次，约 120 MB）。",
    ),
    "LS-8007": Text(
        en="{installer} could not install the packages; its message is above. Behind a proxy set "
        "HTTPS_PROXY, for a mirror PIP_INDEX_URL and LINESIDE_INSTALLER=pip, then start again.",
        zh="{installer} 未能安装所需软件包，原因见上文。使用代理请设置 HTTPS_PROXY；"
        "使用镜像请设置 PIP_INDEX_URL 和 LINESIDE_INSTALLER=pip，然后重新启动。",
    ),
    "LS-8008": Text(
        en="{python} lacks the module {module}. On Debian and Ubuntu: "
        "apt install python{version}-venv (or install uv), then start again.",
        zh="{python} 缺少 {module} 模块。在 Debian 和 Ubuntu 上请执行 "
        "apt install python{version}-venv（或安装 uv），然后重新启动。",
    ),
    "LS-8009": Text(
        en="This checkout lacks {missing}, so there is nothing to run.",
        zh="此代码目录缺少 {missing}，没有可运行的内容。",
    ),
}
