"""Texts about which configuration an edge agent runs: reloaded, pushed, tried (codes LS-49xx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-4901": Text(
        en="The device was stopped because its configuration changed; it starts again with "
        "the new one.",
        zh="设备配置已更改，采集已停止，将按新配置重新开始。",
    ),
    "LS-4902": Text(
        en="The device is not in the configuration any more; nothing is expected of it.",
        zh="配置中已没有该设备，不再等待其数据。",
    ),
    "LS-4910": Text(
        en="{field} cannot change while the agent runs: it is {old}, the new text says {new}. "
        "Leave it as it is; or stop the agent, change it, and start the agent again.",
        zh="代理运行期间不能更改 {field}：当前为 {old}，新配置为 {new}。请保持不变；或先停止"
        "代理，修改后再启动。",
    ),
    "LS-4911": Text(
        en="{file} was not taken; the agent goes on with the configuration it has. Correct "
        "this and reload again.",
        zh="未采用 {file}；代理继续使用现有配置。请更正后重新加载。",
    ),
    "LS-4912": Text(
        en="The new configuration was not taken, because its tags cannot be written to the "
        "buffer now: {reason} The agent goes on with the one it has; try again when the disk "
        "works.",
        zh="未采用新配置，因为目前无法把其变量写入缓冲区：{reason} 代理继续使用现有配置；请在"
        "磁盘恢复后重试。",
    ),
    "LS-4913": Text(
        en="The pushed configuration {version} is on trial until {until}. Reload after that.",
        zh="推送的配置 {version} 正在试运行，至 {until} 结束。请在此之后重新加载。",
    ),
    "LS-4914": Text(
        en="The pushed configuration {version} goes on: {file} has not changed since it came. "
        "To run the file, change it, or reload with --own.",
        zh="继续运行推送的配置 {version}：{file} 自推送以来没有更改。要运行该文件，请修改它，"
        "或用 --own 重新加载。",
    ),
    "LS-4915": Text(en="{file} runs now.", zh="现在运行的是 {file}。"),
    "LS-4916": Text(
        en="{file} says what runs already; nothing was started again.",
        zh="{file} 与正在运行的配置相同；没有重新启动任何部分。",
    ),
    "LS-4917": Text(en="Devices added: {devices}", zh="新增设备：{devices}"),
    "LS-4918": Text(en="Devices removed: {devices}", zh="移除设备：{devices}"),
    "LS-4919": Text(en="Devices connected anew: {devices}", zh="重新连接的设备：{devices}"),
    "LS-4920": Text(
        en="Devices that went on without a break: {count}", zh="未中断的设备数：{count}"
    ),
    "LS-4921": Text(
        en="The connection to the broker was made anew.", zh="已重新建立与消息服务器的连接。"
    ),
    "LS-4922": Text(en="The bounds of the buffer apply now.", zh="缓冲区的新上限已生效。"),
    "LS-4923": Text(en="The page is served anew.", zh="本机页面已重新启动。"),
    "LS-4924": Text(
        en="Other device times are believed from now on.", zh="设备时间的可信范围已更改。"
    ),
    "LS-4925": Text(
        en="No agent runs with the data_dir {folder}. Start one: lineside-edge run {file}",
        zh="没有代理使用 data_dir {folder} 运行。请启动：lineside-edge run {file}",
    ),
    "LS-4926": Text(
        en="The agent of {folder} has not answered within {wait_s} s. Look whether it runs "
        "and what its log says; if it is busy it may still reload, ask again.",
        zh="{folder} 的代理在 {wait_s} 秒内没有应答。请检查代理是否在运行并查看其日志；若只是"
        "繁忙，它之后仍可能重新加载，请再次请求。",
    ),
    "LS-4927": Text(
        en="The folder {folder} cannot be used: {reason}. Run this as a user who may write "
        "there, such as the agent's own.",
        zh="无法使用目录 {folder}：{reason}。请用有写权限的用户（例如代理自己的用户）运行。",
    ),
    "LS-4928": Text(
        en="The agent is just starting. Reload again in a moment.",
        zh="代理正在启动，请稍后重新加载。",
    ),
    "LS-4940": Text(
        en="The text of the pushed configuration {version} is not the one of its hash. Push it "
        "again with a new version.",
        zh="推送的配置 {version} 的文本与其哈希不符。请以新版本号重新推送。",
    ),
    "LS-4941": Text(
        en="The pushed configuration {version} is wrong: {problems} Correct it and push it with "
        "a new version.",
        zh="推送的配置 {version} 有误：{problems} 请更正后以新版本号推送。",
    ),
    "LS-4942": Text(
        en="Version {version} is not newer than {highest}, the newest this edge knows. Push the "
        "configuration with a higher version.",
        zh="版本 {version} 不高于本边缘已知的最新版本 {highest}。请以更高的版本号推送。",
    ),
    "LS-4943": Text(
        en="The pushed configuration {version} was rolled back after its trial; the one before "
        "runs again. {reasons}",
        zh="推送的配置 {version} 试运行未通过，已回退到之前的配置。{reasons}",
    ),
    "LS-4944": Text(
        en="The broker {broker} is not connected: {reason}",
        zh="未连接到消息服务器 {broker}：{reason}",
    ),
    "LS-4945": Text(en="The server has not answered since.", zh="此后服务器没有应答。"),
    "LS-4946": Text(
        en="The device {device} answered before and does not now: {reason}",
        zh="设备 {device} 之前有应答，现在没有：{reason}",
    ),
    "LS-4947": Text(
        en="The task {task} failed {count} times.", zh="任务 {task} 失败了 {count} 次。"
    ),
    "LS-4948": Text(
        en="The pushed configuration {version} was rolled back: the agent ended {count} times "
        "without being asked to while it was on trial. The one before runs again.",
        zh="推送的配置 {version} 已回退：试运行期间代理意外结束 {count} 次。已恢复之前的配置。",
    ),
    "LS-4949": Text(
        en="The pushed configuration {version} was given up: the edge's own file {file} was "
        "changed while it was on trial, and runs now.",
        zh="已放弃推送的配置 {version}：试运行期间边缘自己的文件 {file} 已更改，现在运行该文件。",
    ),
    "LS-4950": Text(
        en="The pushed configuration {version} could not be applied: {reason}",
        zh="无法应用推送的配置 {version}：{reason}",
    ),
    "LS-4951": Text(
        en="{file} was changed after the configuration {version} was pushed, and runs now "
        "instead of it.",
        zh="{file} 在推送配置 {version} 之后有更改，现在运行该文件而不是推送的配置。",
    ),
    "LS-4952": Text(
        en="The configuration {version} (0: the file before) cannot be read any more: "
        "{problems} {file} runs instead; correct what it needs and start the agent again.",
        zh="配置 {version}（0 表示之前的文件）已无法读取：{problems} 现改为运行 {file}；请更正"
        "其所需内容后重新启动代理。",
    ),
    "LS-4953": Text(
        en="What was known of pushed configurations cannot be read: {reason}. It is kept as "
        "{file}; the edge's own file runs. Push the configuration again.",
        zh="无法读取已推送配置的记录：{reason}。该文件保留为 {file}；现运行边缘自己的文件。请"
        "重新推送配置。",
    ),
    "LS-4956": Text(en="configuration", zh="配置"),
    "LS-4957": Text(en="pushed, version {version}", zh="推送的配置，版本 {version}"),
    "LS-4958": Text(en="on trial until {until}", zh="试运行至 {until}"),
    "LS-4959": Text(
        en="The buffer {file} is in use by another edge agent: process {pid}, {agent}, since "
        "{since}, with {config}. Stop that one first, or give this one its own data_dir.",
        zh="缓冲区 {file} 正被另一个边缘代理使用：进程 {pid}，{agent}，自 {since} 起，配置 "
        "{config}。请先停止它，或为本代理设置单独的 data_dir。",
    ),
    "LS-4955": Text(
        en="{file} cannot be written: {reason}. Free some space or check the disk; until then "
        "no pushed configuration is taken.",
        zh="无法写入 {file}：{reason}。请释放空间或检查磁盘；在此之前不接受推送的配置。",
    ),
}
