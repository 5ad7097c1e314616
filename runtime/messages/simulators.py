"""Texts of the simulators (codes LS-7xxx): 700x-702x problems, 705x the command line."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-7001": Text(
        en="The truth log {file} is damaged in line {line}: {reason}. "
        "Nothing may be compared with it; take a new folder and run again.",
        zh="真值日志 {file} 第 {line} 行损坏：{reason}。不能用它做比对，请换一个新文件夹重新运行。",
    ),
    "LS-7002": Text(
        en="There is no truth log in {folder}. Start the simulators with --truth {folder}.",
        zh="{folder} 中没有真值日志。请用 --truth {folder} 启动模拟器。",
    ),
    "LS-7003": Text(
        en="{machine}: the words of '{tag}' cannot be swapped. "
        "Name a number of two or more registers on a Modbus line.",
        zh="{machine}：“{tag}”不能交换字序。请指定 Modbus 产线上占两个或更多寄存器的数值。",
    ),
    "LS-7004": Text(
        en="{machine}: its tags do not fit into 65536 addresses. Reduce 'extra'.",
        zh="{machine}：变量超出 65536 个地址，请减少 extra。",
    ),
    "LS-7005": Text(
        en="{line}: cannot listen on {host}:{port}. Free the port or choose another (0: any).",
        zh="{line}：无法监听 {host}:{port}。请释放该端口或改用其他端口（0 表示任意）。",
    ),
    "LS-7006": Text(
        en="The truth log {file} could not be written whole. Make room on the disk and run again.",
        zh="真值日志 {file} 未能完整写入。请清理磁盘空间后重新运行。",
    ),
    "LS-7007": Text(
        en="The folder {folder} holds the truth of another run. "
        "Take a new folder, or give the --state file of that run.",
        zh="文件夹 {folder} 中是另一次运行的真值日志。"
        "请换一个新文件夹，或用 --state 指定那次运行的状态文件。",
    ),
    "LS-7008": Text(
        en="{file} is not a state file of the simulators. Name another file, or remove it.",
        zh="{file} 不是模拟器的状态文件。请指定其他文件，或将其删除。",
    ),
    "LS-7009": Text(
        en="The state in {file} belongs to another configuration. "
        "Remove it, or restore the old one.",
        zh="{file} 中的状态属于另一份配置。请删除该文件，或恢复原来的配置。",
    ),
    "LS-7010": Text(
        en="There is no machine '{machine}'. Known: {known}.",
        zh="没有机器“{machine}”。可用：{known}。",
    ),
    "LS-7011": Text(
        en="The command is not understood: {reason}. See simulators/README.md.",
        zh="无法识别该命令：{reason}。请参阅 simulators/README.md。",
    ),
    "LS-7012": Text(
        en="{name} is silent already. Wait until it speaks again.",
        zh="{name} 已处于静默状态，请等它恢复。",
    ),
    "LS-7013": Text(
        en="There is no line '{line}'. Known: {known}.",
        zh="没有产线“{line}”。可用：{known}。",
    ),
    "LS-7020": Text(
        en="'{value}' is longer than {bytes} bytes in UTF-8. Shorten it.",
        zh="“{value}”的 UTF-8 编码超过 {bytes} 字节，请缩短。",
    ),
    "LS-7021": Text(
        en="for_s must be above 0 and below every_s. Change one of them.",
        zh="for_s 必须大于 0 且小于 every_s，请修改其中之一。",
    ),
    "LS-7022": Text(
        en="Two entries have the same {what}. Rename one.",
        zh="有两项的 {what} 相同，请修改其中一项。",
    ),
    "LS-7023": Text(
        en="A Modbus line has room for 247 units. Split the line.",
        zh="一条 Modbus 产线最多 247 个站号，请拆分产线。",
    ),
    "LS-7024": Text(
        en="analogs_every_ms must be a multiple of tick_ms. Change one of them.",
        zh="analogs_every_ms 必须是 tick_ms 的整数倍，请修改其中之一。",
    ),
    "LS-7025": Text(
        en="{machine}: setup_s must be at least twice quiet_s, first_setup_s at least quiet_s. "
        "Lengthen them.",
        zh="{machine}：setup_s 至少为 quiet_s 的两倍，first_setup_s 至少为 quiet_s，请加长。",
    ),
    "LS-7026": Text(
        en="{machine}: its pulses would run into one another. Raise pulse.every_parts.",
        zh="{machine}：脉冲会相互重叠，请增大 pulse.every_parts。",
    ),
    "LS-7027": Text(
        en="{machine}: an order number is too long to be repeated with -R2, -R3 in {bytes} bytes. "
        "Shorten it.",
        zh="{machine}：订单号过长，加上 -R2、-R3 后超出 {bytes} 字节，请缩短。",
    ),
    "LS-7050": Text(
        en="Runs a simulated plant: real OPC UA and Modbus TCP servers, and a log of the truth. "
        "'addresses CONFIG' prints where each value lives.",
        zh="运行模拟工厂：真实的 OPC UA 与 Modbus TCP 服务器，并记录真值日志。"
        "“addresses CONFIG”打印每个变量的地址。",
    ),
    "LS-7051": Text(
        en="configuration of the plant, e.g. configs/demo/plant.yaml",
        zh="工厂配置文件，例如 configs/demo/plant.yaml",
    ),
    "LS-7052": Text(en="write the truth log into this folder", zh="将真值日志写入该文件夹"),
    "LS-7053": Text(
        en="keep the state here: the next start is the same plant, which went on meanwhile",
        zh="状态文件：下次启动仍是同一工厂，停机期间生产照常进行",
    ),
    "LS-7054": Text(
        en="write ports and endpoints here once all is open (default: one line on standard output)",
        zh="全部就绪后把端口和地址写入该文件（默认：在标准输出打印一行）",
    ),
    "LS-7055": Text(
        en="open the control socket on loopback (without PORT: any free one)",
        zh="在本机回环地址开启控制端口（不写 PORT 则任选空闲端口）",
    ),
    "LS-7056": Text(
        en="make no part before the command 'run' comes over the control socket",
        zh="在控制端口收到 run 命令之前不生产",
    ),
    "LS-7057": Text(
        en="take any free ports instead of the configured ones",
        zh="不用配置中的端口，任选空闲端口",
    ),
    "LS-7058": Text(en="least level that is logged", zh="最低日志级别"),
    "LS-7059": Text(en="log one JSON object a line", zh="日志每行一个 JSON 对象"),
    "LS-7060": Text(
        en="Prints the address map of a plant as JSON: tags with OPC UA node or Modbus registers.",
        zh="以 JSON 打印工厂的地址表：各变量的 OPC UA 节点或 Modbus 寄存器。",
    ),
}
