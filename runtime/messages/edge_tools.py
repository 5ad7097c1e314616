"""Texts of the commands around an edge agent (codes LS-47xx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-4710": Text(
        en="{file} cannot be read as a table: {reason}. Save it as CSV or as .xlsx.",
        zh="{file} 无法作为表格读取：{reason}。请另存为 CSV 或 .xlsx。",
    ),
    "LS-4711": Text(
        en='{file} is neither UTF-8 nor GB18030. Save it as "CSV UTF-8".',
        zh="{file} 既不是 UTF-8 也不是 GB18030 编码。请另存为“CSV UTF-8”。",
    ),
    "LS-4712": Text(
        en="{file} is an Excel file, for which the package openpyxl is needed: pip install "
        "openpyxl, or use CSV.",
        zh="{file} 是 Excel 文件，需要 openpyxl 包：请执行 pip install openpyxl，或改用 CSV。",
    ),
    "LS-4713": Text(
        en="This column is unknown or stands twice. Known: {known}.",
        zh="该列未知或重复。可用的列：{known}。",
    ),
    "LS-4714": Text(
        en="This column is missing. Add it; export-tags writes a table with all of them.",
        zh="缺少该列，请补上；export-tags 可导出包含所有列的表格。",
    ),
    "LS-4715": Text(
        en="'{value}' here, but '{other}' in row {first} of the same group. Give both the "
        "same, or another group.",
        zh="此处为“{value}”，而同组第 {first} 行为“{other}”。请改为一致，或使用不同的组。",
    ),
    "LS-4716": Text(
        en="The tag path {path} stands here a second time, first in row {first}. Give each "
        "tag its own.",
        zh="变量路径 {path} 重复，首次出现在第 {first} 行。请为每个变量使用不同的路径。",
    ),
    "LS-4717": Text(
        en="The configuration has no device '{device}'. It has: {known}.",
        zh="配置中没有设备“{device}”。现有：{known}。",
    ),
    "LS-4718": Text(
        en="'{driver}' is no driver. Write one of {known}, or name a configuration that has "
        "the device with --config.",
        zh="“{driver}”不是驱动。请填写 {known} 之一，或用 --config 指定包含该设备的配置。",
    ),
    "LS-4719": Text(
        en="The tag path {path} is taken by device {device}, whose tags are not in this list. "
        "Rename one of them.",
        zh="变量路径 {path} 已被设备 {device} 使用，而该设备不在此列表中。请修改其中之一。",
    ),
    "LS-4720": Text(
        en="{file} has no tags. The first row names the columns, each further one is a tag.",
        zh="{file} 中没有变量。第一行为列名，其后每行一个变量。",
    ),
    "LS-4721": Text(
        en="{tags} tags of {devices} devices written to {file}.",
        zh="已将 {devices} 台设备的 {tags} 个变量写入 {file}。",
    ),
    "LS-4722": Text(
        en="The groups in {file} cannot be replaced in its text ({devices}), because other "
        "parts share them. Write the devices out without & and *.",
        zh="无法在 {file} 的文本中替换组（{devices}），因为其他部分与其共用。请不要使用 & 和 * "
        "别名。",
    ),
    "LS-4723": Text(
        en="'{value}' stands in a column without a name. Name the column in the first row.",
        zh="“{value}”所在的列没有列名。请在第一行填写列名。",
    ),
    "LS-4725": Text(
        en="{file} is larger than {limit_mib} MiB, or unpacks to more. A tag list is not: save the "
        "list alone, or split it.",
        zh="{file} 超过 {limit_mib} MiB（或解压后超过）。变量清单不会这么大："
        "请只保存清单本身，或将其拆分。",
    ),
    "LS-4726": Text(
        en="The first sheet of {file} has more than {rows} rows. Delete what stands below the "
        "list, or split it.",
        zh="{file} 的第一个工作表超过 {rows} 行。请删除清单下方的内容，或将其拆分。",
    ),
    "LS-4724": Text(
        en="{file} exists. Choose another name, or give --config {file} to put the tags into it.",
        zh="{file} 已存在。请换用其他名称，或用 --config {file} 将变量写入其中。",
    ),
    "LS-4730": Text(
        en="The buffer {file} is in use: stop the agent first, and start it again afterwards.",
        zh="缓冲区 {file} 正在使用：请先停止代理，完成后再启动。",
    ),
    "LS-4731": Text(
        en="There is no buffer at {file}. Does data_dir name the folder of this edge?",
        zh="{file} 处没有缓冲区。请确认 data_dir 是该边缘端的目录。",
    ),
    "LS-4732": Text(
        en="The buffer {file} cannot be read: {reason}. Start the agent once: it saves what "
        "can be read.",
        zh="无法读取缓冲区 {file}：{reason}。请启动一次代理，它会转存可读取的内容。",
    ),
    "LS-4733": Text(
        en="{records} records of {edge} ({bytes} bytes) written to {file} and read back. "
        "They stay in the buffer, too.",
        zh="已将 {edge} 的 {records} 条记录（{bytes} 字节）写入 {file} 并回读校验。缓冲区中仍保留"
        "这些记录。",
    ),
    "LS-4734": Text(
        en="{file} exists. Choose another name, or remove it.",
        zh="{file} 已存在。请换用其他名称或先删除它。",
    ),
    "LS-4736": Text(
        en="The server has confirmed everything of {edge}: there is nothing to carry.",
        zh="服务器已确认 {edge} 的全部记录：没有需要携带的内容。",
    ),
    "LS-4740": Text(
        en="{file} written, with: {names}. Secrets and samples are left out; look through it "
        "before you send it.",
        zh="已写入 {file}，包含：{names}。其中不含密码和样本；发送前请检查。",
    ),
    "LS-4741": Text(
        en="The log {file} cannot be read: {reason}. Check its name and your permissions.",
        zh="无法读取日志 {file}：{reason}。请检查文件名和权限。",
    ),
    "LS-4750": Text(
        en="'{url}' is no address of an OPC UA server. Write it as opc.tcp://host:port.",
        zh="“{url}”不是 OPC UA 服务器地址。格式为 opc.tcp://主机:端口。",
    ),
    "LS-4751": Text(
        en="No device in {file} has the URL {url}. Write it exactly as it stands there.",
        zh="{file} 中没有 URL 为 {url} 的设备。请与文件中的写法完全一致。",
    ),
    "LS-4752": Text(
        en="No variable that can be a tag at {url} ({nodes} nodes seen). Try without --filter, "
        "or with a user who may see more.",
        zh="在 {url} 未找到可作为变量的节点（已查看 {nodes} 个节点）。请去掉 --filter，或使用权限"
        "更高的用户。",
    ),
    "LS-4753": Text(
        en="There is more than {most} nodes: the rest was not looked at. Raise --max.",
        zh="节点数超过 {most}，其余未查看。请增大 --max。",
    ),
    "LS-4754": Text(
        en="{count} arrays are left out. Add the elements you need, with [0] behind the address.",
        zh="略过 {count} 个数组。请自行添加所需元素，在地址后加 [0]。",
    ),
    "LS-4755": Text(
        en="{count} variables of other types (structures, bytes) are left out.",
        zh="略过 {count} 个其他类型（结构、字节串）的变量。",
    ),
    "LS-4756": Text(
        en="{count} variables with node ids beyond 300 characters are left out.",
        zh="略过 {count} 个节点标识超过 300 字符的变量。",
    ),
    "LS-4757": Text(
        en="{count} variables that this user may not read are left out.",
        zh="略过 {count} 个该用户无权读取的变量。",
    ),
    "LS-4758": Text(
        en="{nodes} nodes, {tags} tags",
        zh="{nodes} 个节点，{tags} 个变量",
    ),
    "LS-4759": Text(
        en="The server was lost on the way: {reason} What was found until then is kept.",
        zh="途中与服务器断开：{reason} 已保留此前找到的内容。",
    ),
    "LS-4760": Text(
        en="'{given}' is not PATH=VALUE of a tag in this configuration. Example: "
        "--expect press/temp=23.5",
        zh="“{given}”不是本配置中某变量的“路径=值”。示例：--expect press/temp=23.5",
    ),
    "LS-4761": Text(
        en="{device} ({driver}): connected in {ms} ms.",
        zh="{device}（{driver}）：{ms} 毫秒内已连接。",
    ),
    "LS-4762": Text(
        en="Device {device}: {reason}",
        zh="设备 {device}：{reason}",
    ),
    "LS-4763": Text(
        en="  offers {policy}/{mode}, certificate server_sha256: {sha256} (compare it at the "
        "server itself)",
        zh="  提供 {policy}/{mode}，证书 server_sha256：{sha256}（请在服务器端核对）",
    ),
    "LS-4764": Text(
        en="  does not tell its end points: {reason}",
        zh="  未返回端点列表：{reason}",
    ),
    "LS-4765": Text(
        en="  group {group}: {reads} reads, median {median} ms, longest {most} ms",
        zh="  第 {group} 组：读取 {reads} 次，中位 {median} 毫秒，最长 {most} 毫秒",
    ),
    "LS-4766": Text(
        en="    asks {request}",
        zh="    请求 {request}",
    ),
    "LS-4767": Text(
        en="  its clock is off by {hours} whole hours: local time sent as UTC? Set it right, "
        "or write clock: {{offset_s: {seconds}}}.",
        zh="  其时钟相差整 {hours} 小时：是否把本地时间（如北京时间）当作 UTC 发送？请校正，或配置 "
        "clock: {{offset_s: {seconds}}}。",
    ),
    "LS-4768": Text(
        en="  its newest time stamp is {seconds} s from now",
        zh="  其最新时间戳与当前相差 {seconds} 秒",
    ),
    "LS-4769": Text(
        en="    {count} points without a value, status {status}",
        zh="    {count} 个点没有值，状态 {status}",
    ),
    "LS-4770": Text(
        en="  tag {path} ({address}): {values}",
        zh="  变量 {path}（{address}）：{values}",
    ),
    "LS-4771": Text(
        en="    {value} fits: {fits}",
        zh="    {value} 符合：{fits}",
    ),
    "LS-4772": Text(
        en="    {value} fits no decoding. Check the address, or read the display again.",
        zh="    {value} 与任何解码都不符。请检查地址，或重新读取显示值。",
    ),
    "LS-4773": Text(
        en="Broker {broker}: logged in within {ms} ms.",
        zh="消息代理 {broker}：{ms} 毫秒内已登录。",
    ),
    "LS-4774": Text(
        en="Broker {broker}: {reason}",
        zh="消息代理 {broker}：{reason}",
    ),
    "LS-4775": Text(
        en="There is no device '{device}' in the configuration. It has: {known}.",
        zh="配置中没有设备“{device}”。现有：{known}。",
    ),
    "LS-4780": Text(
        en="The edge {edge} stands here a second time, first in row {first}. Give each row "
        "its own.",
        zh="边缘端 {edge} 重复，首次出现在第 {first} 行。请为每一行使用不同的标识。",
    ),
    "LS-4781": Text(
        en="{file} has no column for {names}, which {template} asks for. Add them, write a default "
        "(${{NAME:-default}}), or leave them to the edges with --keep NAME.",
        zh="{file} 没有 {names} 列，而 {template} 需要它们。请添加这些列，或写默认值（"
        "${{NAME:-默认值}}），或用 --keep NAME 留给边缘端。",
    ),
    "LS-4782": Text(
        en="{template} does not ask for {names}, a column of {file}. Correct the name, or take the "
        "column out.",
        zh="{template} 未使用 {file} 的 {names} 列。请更正名称或删除该列。",
    ),
    "LS-4783": Text(
        en="A value of this row changes how the template is read. Put quotes around the ${{NAME}} "
        "it fills, or take : # and line ends out of the value.",
        zh="本行的某个值改变了模板的结构。请在对应的 ${{NAME}} 外加引号，或去掉值中的 : # 和换行。",
    ),
    "LS-4784": Text(
        en="{problem} (for row {row} of {file})",
        zh="{problem}（{file} 第 {row} 行）",
    ),
    "LS-4785": Text(
        en="{folder} has {names} already; nothing was written. Choose another folder, or "
        "--overwrite.",
        zh="{folder} 中已有 {names}，未写入任何文件。请更换目录，或使用 --overwrite。",
    ),
    "LS-4786": Text(
        en="{count} configurations, each checked, are in {folder}.",
        zh="{folder} 中已写入 {count} 份配置，均已检查。",
    ),
}
