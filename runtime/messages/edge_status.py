"""Texts of how an agent is: commands `status` and `check`, and the page (codes LS-45xx, 46xx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-4501": Text(
        en="The page cannot use port {port}: {reason}. Free the port, or set page.port to 0.",
        zh="页面无法使用端口 {port}：{reason}。请释放该端口，或将 page.port 设为 0。",
    ),
    "LS-4510": Text(
        en="Agent",
        zh="代理",
    ),
    "LS-4511": Text(
        en="Running since",
        zh="启动时间",
    ),
    "LS-4512": Text(
        en="Broker",
        zh="消息代理",
    ),
    "LS-4513": Text(
        en="connected",
        zh="已连接",
    ),
    "LS-4514": Text(
        en="not connected",
        zh="未连接",
    ),
    "LS-4515": Text(
        en="Server's last answer",
        zh="服务器最近应答",
    ),
    "LS-4516": Text(
        en="none yet",
        zh="尚无",
    ),
    "LS-4517": Text(
        en="Records not delivered",
        zh="未送达记录",
    ),
    "LS-4518": Text(
        en="Oldest of them",
        zh="其中最早的",
    ),
    "LS-4519": Text(
        en="Bytes in the buffer",
        zh="缓冲区字节数",
    ),
    "LS-4520": Text(
        en="Values read",
        zh="读取速率",
    ),
    "LS-4521": Text(
        en="The disk takes nothing since",
        zh="磁盘无法写入，自",
    ),
    "LS-4522": Text(
        en="Devices",
        zh="设备",
    ),
    "LS-4523": Text(
        en="Device",
        zh="设备",
    ),
    "LS-4524": Text(
        en="State",
        zh="状态",
    ),
    "LS-4525": Text(
        en="Since",
        zh="自",
    ),
    "LS-4526": Text(
        en="Tags",
        zh="变量数",
    ),
    "LS-4527": Text(
        en="Latest values",
        zh="最新值",
    ),
    "LS-4528": Text(
        en="Tag",
        zh="变量",
    ),
    "LS-4529": Text(
        en="Value",
        zh="值",
    ),
    "LS-4530": Text(
        en="Quality",
        zh="质量",
    ),
    "LS-4531": Text(
        en="Time (UTC)",
        zh="时间（UTC）",
    ),
    "LS-4532": Text(
        en="answers",
        zh="正常",
    ),
    "LS-4533": Text(
        en="does not answer",
        zh="无应答",
    ),
    "LS-4534": Text(
        en="connecting",
        zh="连接中",
    ),
    "LS-4535": Text(
        en="Server away since {since}; counting on. Kept here: {hours} h, {records} records.",
        zh="服务器自 {since} 起无响应；本机继续采集计数。已缓存：{hours} 小时，{records} 条记录。",
    ),
    "LS-4536": Text(
        en="Rate cap at this hour",
        zh="当前时段限速",
    ),
    "LS-4537": Text(
        en="Orders to do",
        zh="待生产工单",
    ),
    "LS-4538": Text(
        en="Order",
        zh="工单",
    ),
    "LS-4539": Text(
        en="Equipment",
        zh="设备",
    ),
    "LS-4540": Text(
        en="Product",
        zh="产品",
    ),
    "LS-4541": Text(
        en="Quantity",
        zh="数量",
    ),
    "LS-4542": Text(
        en="Due",
        zh="交期",
    ),
    "LS-4543": Text(
        en="bad",
        zh="个坏值",
    ),
    "LS-4544": Text(
        en="Time stamps",
        zh="时间戳",
    ),
    "LS-4545": Text(
        en="by this computer's clock",
        zh="以本机时钟为准",
    ),
    "LS-4546": Text(
        en="going on as the server confirmed them; this computer's clock is {off_s} s off",
        zh="按服务器确认过的时间继续；本机时钟偏差 {off_s} 秒",
    ),
    "LS-4547": Text(
        en="by the server's clock; this computer's clock is {off_s} s off",
        zh="以服务器时钟为准；本机时钟偏差 {off_s} 秒",
    ),
    "LS-4601": Text(
        en="{file} is in order: edge {edge}, {devices} devices, {tags} tags.",
        zh="{file} 配置正确：边缘端 {edge}，{devices} 台设备，{tags} 个变量。",
    ),
    "LS-4602": Text(
        en="{device} ({driver}), group {group}: {tags} tags every {every_ms} ms ({mode}).",
        zh="{device}（{driver}）第 {group} 组：{tags} 个变量，周期 {every_ms} 毫秒（{mode}）。",
    ),
    "LS-4603": Text(
        en="This configuration has no page (page.port: null), so the agent cannot be asked. "
        "Set page.port to 0.",
        zh="该配置未启用页面（page.port: null），无法查询代理。请将 page.port 设为 0。",
    ),
    "LS-4604": Text(
        en="The agent does not answer ({file}: {reason}). Does it run with this configuration?",
        zh="代理无应答（{file}：{reason}）。请确认它正以此配置运行。",
    ),
}
