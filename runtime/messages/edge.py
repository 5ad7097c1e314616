"""Texts of the edge agent (codes LS-4xxx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-4001": Text(
        en="The device id {id} stands here a second time, first in line {first}. Give each "
        "device its own.",
        zh="设备标识 {id} 重复，首次出现在第 {first} 行。请为每台设备使用不同的标识。",
    ),
    "LS-4002": Text(
        en="The tag path {path} stands here a second time, first in line {first}. Give each "
        "tag its own.",
        zh="变量路径 {path} 重复，首次出现在第 {first} 行。请为每个变量使用不同的路径。",
    ),
    "LS-4003": Text(
        en="'{value}' is not a size. Write a number of bytes, or one with a unit such as "
        "500MiB or 2GiB.",
        zh="“{value}”不是有效的大小。请写字节数，或带单位，例如 500MiB、2GiB。",
    ),
    "LS-4004": Text(
        en="The buffer needs at least {least}. Give it more.",
        zh="缓冲区至少需要 {least}，请加大。",
    ),
    "LS-4005": Text(
        en="last_timeout_s is smaller than first_timeout_s. Make it at least as large.",
        zh="last_timeout_s 小于 first_timeout_s，请改为不小于后者。",
    ),
    "LS-4006": Text(
        en="from and to are the same time. Write 00:00 to 24:00 for the whole day.",
        zh="from 与 to 相同。全天请写 00:00 到 24:00。",
    ),
    "LS-4007": Text(
        en="'{name}' is no time zone known here. Write its name as in Asia/Shanghai.",
        zh="“{name}”不是已知的时区。请写时区名称，例如 Asia/Shanghai。",
    ),
    "LS-4010": Text(
        en="There is no template {name}. Did you mean {known}?",
        zh="没有名为 {name} 的模板。是否应为 {known}？",
    ),
    "LS-4011": Text(
        en="The template {template} has no ${{{name}}}: correct the name, or leave it out.",
        zh="模板 {template} 中没有 ${{{name}}}：请更正名称或去掉它。",
    ),
    "LS-4012": Text(
        en="vars are for devices that name a template: add template, or leave vars out.",
        zh="vars 只用于引用模板的设备：请加上 template，或去掉 vars。",
    ),
    "LS-4013": Text(
        en="{problem} (in the template {template}, for the device in line {line})",
        zh="{problem}（模板 {template}，用于第 {line} 行的设备）",
    ),
    "LS-4014": Text(
        en="The template {name} is no mapping of a device's keys. Write it like a device (known: "
        "{known}).",
        zh="模板 {name} 不是设备的键值映射，请按设备的写法填写（已有：{known}）。",
    ),
    "LS-4015": Text(
        en="The variable {name} needs a name of letters, digits and _, and a single value.",
        zh="变量 {name} 的名称只能由字母、数字和 _ 组成，且值必须是单个值。",
    ),
    "LS-4016": Text(
        en="${{{name}}} in the template {template} has no value for the device in line {line}. "
        "Give it under vars, or a default: ${{{name}:-default}}.",
        zh="模板 {template} 中的 ${{{name}}} 对第 {line} 行的设备没有值。请在 vars 中给出，或写默认"
        "值：${{{name}:-默认值}}。",
    ),
    "LS-4101": Text(
        en="The buffer {file} is in use by another edge agent. Stop that one first, or give "
        "this one its own data_dir.",
        zh="缓冲区 {file} 正被另一个边缘代理使用。请先停止它，或为本代理设置单独的 data_dir。",
    ),
    "LS-4102": Text(
        en="The buffer {file} cannot be opened for writing: {reason}. Check the permissions "
        "of the folder and the disk.",
        zh="无法以写方式打开缓冲区 {file}：{reason}。请检查目录权限和磁盘。",
    ),
    "LS-4103": Text(
        en="The buffer {file} was written by a later release (format {version}, known here: "
        "{known}). Install that release, or use another data_dir.",
        zh="缓冲区 {file} 由更新的版本写入（格式 {version}，本版本支持 {known}）。请安装该版"
        "本，或改用其他 data_dir。",
    ),
    "LS-4104": Text(
        en="The disk does not take the buffer {file}: {reason}. Free some space or check "
        "the disk; collecting waits meanwhile.",
        zh="磁盘无法写入缓冲区 {file}：{reason}。请释放空间或检查磁盘；期间采集会等待。",
    ),
    "LS-4105": Text(
        en="The buffer {file} is damaged: {reason}. What can be read is being saved into a "
        "new file; check the disk.",
        zh="缓冲区 {file} 已损坏：{reason}。正在把可读取的内容转存到新文件；请检查磁盘。",
    ),
    "LS-4106": Text(
        en="Nothing can be written to the buffer: {reason}. {waiting} samples wait in "
        "memory; when that is full, reading stops until the disk works again.",
        zh="无法写入缓冲区：{reason}。内存中有 {waiting} 个样本等待写入；内存队列满后将暂停"
        "读取，直到磁盘恢复。",
    ),
    "LS-4107": Text(
        en="The buffer is at its bound ({cause}): {samples} samples of class {cls} that the "
        "server does not have were given up. Restore the connection, or raise the bounds "
        "under buffer.",
        zh="缓冲区达到上限（{cause}）：服务器尚未收到的 {samples} 个 {cls} 类样本已被舍弃。"
        "请恢复连接，或调高 buffer 下的上限。",
    ),
    "LS-4108": Text(
        en="The buffer was damaged ({reason}). {records} records were saved into a new "
        "file, {lost} could not be read and are reported as a gap. The damaged file is "
        "kept as {file}; check the disk.",
        zh="缓冲区已损坏（{reason}）。{records} 条记录已转存到新文件，{lost} 条无法读取，将"
        "作为缺口上报。损坏的文件保留为 {file}；请检查磁盘。",
    ),
    "LS-4109": Text(
        en="The buffer cannot be used now: {reason} Trying again in {pause_s} s.",
        zh="缓冲区暂时无法使用：{reason} {pause_s} 秒后重试。",
    ),
    "LS-4110": Text(
        en="The clock of this computer was set by {step_s} s, and time stamps go by it from now "
        "on. Let it be synchronised (NTP).",
        zh="本机时钟被调整了 {step_s} 秒，此后的时间戳以调整后的时钟为准。请启用时间同步（NTP）。",
    ),
    "LS-4111": Text(
        en="{samples} samples and {events} events could not be written before this end: {reason} "
        "They are lost; the server lists their time as a gap when the agent runs again. Check the "
        "disk.",
        zh="本次结束前有 {samples} 个样本和 {events} 个事件未能写入：{reason}这些数据已丢失；代理"
        "再次运行后，服务器会把这段时间列为缺口。请检查磁盘。",
    ),
    "LS-4112": Text(
        en="The disk took nothing for so long that {events} of the oldest events did not fit into "
        "memory. They are reported to the server as one gap; check the disk and the space on it.",
        zh="磁盘长时间无法写入，最早的 {events} 个事件已超出内存可保留的数量而被舍弃，将作为一个"
        "缺口上报服务器。请检查磁盘及其剩余空间。",
    ),
    "LS-4113": Text(
        en="The copy {file} of a damaged buffer was removed ({size} bytes): of these copies the "
        "newest {copies} are kept, as long as they take no more than {most} bytes together (less "
        "than 1 GiB where the volume is short of `min_free_bytes`).",
        zh="已删除损坏缓冲区的副本 {file}（{size} 字节）：此类副本仅保留最新的 {copies} 份，且合计"
        "不超过 {most} 字节（磁盘剩余空间低于 min_free_bytes 时，该上限小于 1 GiB）。",
    ),
    "LS-4114": Text(
        en="The copy {file} of a damaged buffer cannot be removed: {reason}. Nothing is lost by "
        "that; close the program that uses it, or remove it by hand.",
        zh="无法删除损坏缓冲区的副本 {file}：{reason}。不会丢失任何数据；请关闭占用它的程序，或"
        "手动删除。",
    ),
    "LS-4115": Text(
        en="The clock of this computer is {off_s} s off: somebody has set it. Time stamps go on as "
        "before, as the server confirmed them. Set the clock right, or have it synchronised (NTP).",
        zh="本机时钟偏差 {off_s} 秒：有人调整了时钟。时间戳仍按服务器确认过的时间继续。请把时钟"
        "调回正确时间，或启用时间同步（NTP）。",
    ),
    "LS-4116": Text(
        en="The clock of this computer is {off_s} s off the server's: is its battery dead, is "
        "nothing synchronising it (NTP)? Time stamps go by the server's clock until it is right; "
        "those made before are off by {step_s} s.",
        zh="本机时钟与服务器相差 {off_s} 秒：主板电池是否没电，是否未启用时间同步（NTP）？在本机"
        "时钟恢复正确之前，时间戳以服务器时钟为准；此前的时间戳相差 {step_s} 秒。",
    ),
    "LS-4117": Text(
        en="The clock of this computer is right again, and time stamps go by it. Nothing is to be "
        "done.",
        zh="本机时钟已恢复正确，时间戳以本机时钟为准。无需处理。",
    ),
    "LS-4118": Text(
        en="The clock of this computer is {off_s} s off: it shows a time before one that the "
        "server confirmed. Time stamps begin at that one and are late by the time the computer "
        "was off. Check its battery, or have it synchronised (NTP).",
        zh="本机时钟偏差 {off_s} 秒：所示时间早于服务器确认过的时间。时间戳从该时间开始，会晚"
        "于实际时间（相差本机关机的时长）。请检查主板电池，或启用时间同步（NTP）。",
    ),
    "LS-4120": Text(
        en="What was known of this computer's clock cannot be read ({file}: {reason}). The "
        "computer's clock counts until the server has been heard; nothing is to be done.",
        zh="无法读取本机时钟的记录（{file}：{reason}）。在收到服务器应答之前以本机时钟为准；无需"
        "处理。",
    ),
    "LS-4202": Text(
        en="Reading device {device} failed unexpectedly: {reason}. It is tried again; "
        "please report this with the log.",
        zh="读取设备 {device} 时发生意外错误：{reason}。将自动重试；请附上日志反馈此问题。",
    ),
    "LS-4301": Text(
        en="No connection to the broker {broker}: {reason} Collecting goes on; what is "
        "collected is kept and sent later.",
        zh="无法连接消息代理 {broker}：{reason} 采集继续进行，数据保存在本地，稍后补传。",
    ),
    "LS-4302": Text(
        en="The server claims {cursor} records of a stream that has {last_seq} (class {cls}"
        ", epoch {epoch}). Nothing is deleted because of it. Is a copy of this buffer in "
        "use elsewhere?",
        zh="服务器声称已收到某数据流的 {cursor} 条记录，而该流只有 {last_seq} 条（类别 {cls}"
        "，纪元 {epoch}）。不会因此删除任何数据。是否有本缓冲区的副本在别处使用？",
    ),
    "LS-4303": Text(
        en="Record {seq} of class {cls} (epoch {epoch}) is missing from the buffer; a gap "
        "is reported in its place. Check the disk.",
        zh="缓冲区缺少 {cls} 类第 {seq} 条记录（纪元 {epoch}），将作为缺口上报。请检查磁盘。",
    ),
    "LS-4304": Text(
        en="A message from the server on {topic} cannot be read: {reason} It is ignored; do "
        "both sides run compatible releases?",
        zh="无法读取服务器在 {topic} 上的消息：{reason} 已忽略；请确认两端版本兼容。",
    ),
    "LS-4305": Text(
        en="The server refuses record {seq} of class {cls}: {reason} It stays here and is "
        "sent again.",
        zh="服务器拒收 {cls} 类第 {seq} 条记录：{reason} 该记录保留在本地并将重发。",
    ),
    "LS-4306": Text(
        en="The server has less than it once confirmed (class {cls}, epoch {epoch}): "
        "sending again from {cursor}; {missing} ranges are no longer kept here.",
        zh="服务器的数据少于其曾确认的数量（类别 {cls}，纪元 {epoch}）：从 {cursor} 起重发；"
        "本地已不再保留其中 {missing} 段。",
    ),
    "LS-4307": Text(
        en="Records were sent, and nothing was heard of the server for {quiet_s} s: it is away, or "
        "the broker {broker} no longer delivers to this connection. A new one is made.",
        zh="已发送记录，但 {quiet_s} 秒内未收到服务器应答：服务器离线，或消息代理 {broker} 不再向"
        "此连接投递。将重新建立连接。",
    ),
    "LS-4401": Text(
        en="This edge does not know the command {kind}. Update the edge, or use another command.",
        zh="本边缘端不支持命令 {kind}。请升级边缘端，或使用其他命令。",
    ),
    "LS-4402": Text(
        en="This edge takes its configuration from its own file only: version {version} was "
        "not applied. Change the file on the edge.",
        zh="本边缘端只使用本机的配置文件：版本 {version} 未被应用。请在边缘端修改该文件。",
    ),
    "LS-4403": Text(
        en="The order cannot be read: {field}: {reason}. Send it again as the contract has it.",
        zh="无法读取该工单：{field}：{reason}。请按约定重新发送。",
    ),
    "LS-4404": Text(
        en="{most} orders are dispatched to this line already. Withdraw some first.",
        zh="已有 {most} 个工单下达到本线。请先撤回一部分。",
    ),
}
