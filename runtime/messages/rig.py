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
    "LS-8101": Text(
        en="{program} did not start or has ended: {last} More is in {log}.",
        zh="{program} 未能启动或已退出：{last} 详见 {log}。",
    ),
    "LS-8102": Text(
        en="The simulated plant did not obey '{command}': {reason}",
        zh="模拟工厂未执行命令“{command}”：{reason}",
    ),
    "LS-8103": Text(
        en="The server did not get everything in time: {missing}. Look into the logs of server and "
        "edges.",
        zh="服务器未能按时收齐数据：{missing}。请查看服务器和边缘代理的日志。",
    ),
    "LS-8104": Text(
        en="No readings of both lines arrived. The logs in {folder} say why.",
        zh="未收到两条产线的全部读数。原因见 {folder} 中的日志。",
    ),
    "LS-8105": Text(
        en="{tool} failed: {reason}",
        zh="{tool} 失败：{reason}",
    ),
    "LS-8106": Text(
        en="The database of this run has gone ({reason}). Its log is in {folder}. Start again: "
        "what the edges have stored is sent then.",
        zh="本次运行的数据库已不可用（{reason}）。其日志位于 {folder}。"
        "请重新启动：代理已保存的数据届时会发送。",
    ),
    "LS-8110": Text(en="Starting the database ...", zh="正在启动数据库……"),
    "LS-8111": Text(en="Starting the broker ...", zh="正在启动 MQTT 服务器……"),
    "LS-8112": Text(en="Starting the simulated plant ...", zh="正在启动模拟工厂……"),
    "LS-8113": Text(en="Starting the server ...", zh="正在启动服务器……"),
    "LS-8114": Text(en="Starting two edge agents ...", zh="正在启动两个边缘代理……"),
    "LS-8115": Text(
        en="API: {api}/api/v1, for example\n"
        "  curl -H \"Authorization: Bearer $(cat '{token}')\" {api}/api/v1/orders\n"
        "Edge pages: {pages}\nLogs: {logs}\nCtrl-C stops everything; started again, it goes on.",
        zh="接口：{api}/api/v1，例如\n"
        "  curl -H \"Authorization: Bearer $(cat '{token}')\" {api}/api/v1/orders\n"
        "边缘页面：{pages}\n日志：{logs}\n按 Ctrl-C 全部停止；再次启动会继续。",
    ),
    "LS-8116": Text(
        en="{seconds:>5} s  {rate:>5} readings/s, {stored} stored, {buffered} records buffered, "
        "{alarms} alarms active; {orders}",
        zh="{seconds:>5} 秒  {rate:>5} 读数/秒，已存 {stored}，缓冲 {buffered} 条记录，"
        "活动报警 {alarms}；{orders}",
    ),
    "LS-8120": Text(
        en="The broker is stopped now; the edges go on counting.",
        zh="MQTT 服务器现已停止；边缘代理继续计数。",
    ),
    "LS-8121": Text(en="The broker is back.", zh="MQTT 服务器已恢复。"),
    "LS-8122": Text(
        en="The machines pause; comparing what the server has with what they made ...",
        zh="设备暂停；正在核对服务器数据与实际产量……",
    ),
    "LS-8123": Text(en="Everything is stopped.", zh="已全部停止。"),
    "LS-8130": Text(
        en="A plant with two lines on this machine: simulated PLCs, edge agents, a broker, a "
        "database and the server; at the end compared with what the machines really made.",
        zh="在本机运行一个两条产线的工厂：模拟 PLC、边缘代理、MQTT 服务器、数据库和服务器；"
        "最后与设备的实际产量核对。",
    ),
    "LS-8131": Text(
        en="Run that long, compare, and exit with 0 only if all agrees. Default: until Ctrl-C.",
        zh="运行这么多秒后核对，全部一致才以 0 退出。默认运行到按下 Ctrl-C。",
    ),
    "LS-8132": Text(
        en="Stop the broker for the middle third of the time.",
        zh="中间三分之一的时间停止 MQTT 服务器。",
    ),
    "LS-8133": Text(
        en="Print the result as one JSON object on the last line.",
        zh="最后一行以 JSON 对象输出结果。",
    ),
    "LS-8134": Text(
        en="Where everything is kept; a second run there goes on.",
        zh="数据存放的文件夹；再次在此运行会继续。",
    ),
    "LS-8135": Text(
        en="Which broker; auto: Mosquitto where it is installed, else NATS.",
        zh="使用哪种 MQTT 服务器；auto：装有 Mosquitto 则用它，否则用 NATS。",
    ),
    "LS-8136": Text(
        en="Break the promise on purpose, to see that the comparison finds it.",
        zh="故意违背承诺，以证明核对能够发现。",
    ),
    "LS-8137": Text(en="Language of messages.", zh="消息语言。"),
    "LS-8138": Text(en="--outage needs --seconds.", zh="--outage 需要同时给出 --seconds。"),
    "LS-8139": Text(
        en="--seconds takes a number from 1 to {most}.", zh="--seconds 的取值为 1 到 {most}。"
    ),
    "LS-8140": Text(
        en="Readings: {collected} collected, {stored} stored, {lost} lost, "
        "{duplicated} duplicated, {in_gap} told as gaps, {waiting} still at the edges",
        zh="读数：采集 {collected}，存储 {stored}，丢失 {lost}，"
        "重复 {duplicated}，记为缺口 {in_gap}，仍在边缘端 {waiting}",
    ),
    "LS-8141": Text(
        en="Counter {tag}: {truth} made, {server} counted",
        zh="计数器 {tag}：实际 {truth}，系统 {server}",
    ),
    "LS-8142": Text(
        en="Order {order}: {good:g} good of {required:g}, {truth} in truth",
        zh="工单 {order}：合格 {good:g} / {required:g}，实际 {truth}",
    ),
    "LS-8143": Text(
        en="Alarm {rule}: raised {raised}, due {truth_raised}",
        zh="报警 {rule}：发生 {raised}，应为 {truth_raised}",
    ),
    "LS-8144": Text(
        en="From machine to database: median {p50} ms, 99 % within {p99} ms (while connected)",
        zh="从设备到数据库：中位数 {p50} 毫秒，99% 在 {p99} 毫秒内（连接期间）",
    ),
    "LS-8145": Text(en="Finding: {finding}", zh="发现：{finding}"),
    "LS-8146": Text(en="Everything agrees.", zh="全部一致。"),
    "LS-8147": Text(en="It does NOT agree; see the findings.", zh="存在不一致，见上述发现。"),
}
