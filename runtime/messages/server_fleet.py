"""Texts of the server about its edges: what they are asked, what they sent in vain (LS-56xx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-5650": Text(
        en="The plain message has {size} bytes; at most {limit} are taken. Send fewer values at a "
        "time.",
        zh="普通 JSON 消息为 {size} 字节，最多接受 {limit} 字节。请减少每次发送的数值。",
    ),
    "LS-5651": Text(
        en='The plain message is no JSON object. Send {{"tag": value, ...}}, for example '
        '{{"oven/temperature": 181.5}}.',
        zh='普通 JSON 消息不是 JSON 对象。请发送 {{"测点": 数值, ...}}，'
        '例如 {{"oven/temperature": 181.5}}。',
    ),
    "LS-5652": Text(
        en="The plain message has {count} values; 1 to {limit} are taken at a time.",
        zh="普通 JSON 消息含 {count} 个数值；每次接受 1 至 {limit} 个。",
    ),
    "LS-5653": Text(
        en='"ts" of the plain message is {value}. Send milliseconds since 1970 (UTC), or ISO 8601 '
        "with a zone, or leave it out.",
        zh='普通 JSON 消息的 "ts" 为 {value}。请发送自 1970 年起的毫秒数（UTC）'
        "或带时区的 ISO 8601 时间，也可省略。",
    ),
    "LS-5654": Text(
        en="{path} in a plain message cannot be a tag's name: segments separated by single "
        "slashes, at most 200 printable characters.",
        zh="普通 JSON 消息中的 {path} 不能作为测点名：各段以单个斜杠分隔，最多 200 个可打印字符。",
    ),
    "LS-5655": Text(
        en="The value of {path} in a plain message cannot be kept: true, false, null, a number up "
        "to 2^53, or a text up to 4 KiB are possible.",
        zh="普通 JSON 消息中 {path} 的值无法保存：只能是 true、false、null、不超过 2^53 的数字，"
        "或不超过 4 KiB 的文本。",
    ),
    "LS-5656": Text(
        en="The publisher would have more than {limit} tags. Use the same few names again and "
        "again; for more tags install an edge agent.",
        zh="该发布者的测点将超过 {limit} 个。请重复使用固定的少量名称；"
        "如需更多测点，请安装边缘端程序。",
    ),
    "LS-5660": Text(
        en="Dead letter {id} is stored now, with {readings} readings.",
        zh="死信 {id} 已入库，共 {readings} 条读数。",
    ),
    "LS-5661": Text(
        en="More messages could not be used than are kept: the oldest were dropped ({count}, with "
        "{bytes} bytes). Look at `lineside-server dead-letter list`, find who sends them.",
        zh="无法使用的消息超过了可保留的数量：最早的已被丢弃（{count} 条，共 {bytes} 字节）。"
        "请查看 `lineside-server dead-letter list` 并找出发送方。",
    ),
    "LS-5662": Text(
        en="{by} dropped a dead letter of {topic} ({sha256}): {reason}.",
        zh="{by} 删除了来自 {topic} 的死信（{sha256}）：{reason}。",
    ),
    "LS-5663": Text(
        en="Only {kept} of its {size} bytes were kept: it is too long to be a record.",
        zh="该消息共 {size} 字节，仅保留了 {kept} 字节：长度超出数据记录的上限。",
    ),
    "LS-5664": Text(
        en="It is a status that this release can read. An edge tells its status again every few "
        "seconds: there is nothing to replay.",
        zh="这是当前版本可以读取的状态消息。边缘端每隔几秒会重新上报状态，无需重放。",
    ),
    "LS-5665": Text(
        en="It cannot be used today either: {reason}",
        zh="目前仍无法使用：{reason}",
    ),
    "LS-5666": Text(
        en="Record {seq} of the stream {epoch}/{class} is stored already: the edge sent it again, "
        "sound. Nothing is missing.",
        zh="数据流 {epoch}/{class} 的第 {seq} 条记录已入库：边缘端已重新发送完好的记录，没有缺失。",
    ),
    "LS-5667": Text(
        en="The stream {epoch}/{class} has gone past record {seq}: it was given up, and its time "
        "stands as gap {gap}. What came after was counted without it.",
        zh="数据流 {epoch}/{class} 已越过第 {seq} 条记录：该记录已被放弃，"
        "其时间段记为数据缺口 {gap}，后续数据已在缺少它的情况下计数。",
    ),
    "LS-5668": Text(
        en="The stream {epoch}/{class} stands at {cursor} and waits for what comes before record "
        "{seq}. The edge sends that itself.",
        zh="数据流 {epoch}/{class} 目前位于 {cursor}，还在等待第 {seq} 条之前的记录，"
        "边缘端会自动发送。",
    ),
    "LS-5669": Text(en="Dead letter {id} is dropped.", zh="死信 {id} 已删除。"),
    "LS-5670": Text(
        en="Its time was over before the edge could be asked.",
        zh="在边缘端可被询问之前，该命令已过期。",
    ),
    "LS-5671": Text(
        en="The edge was asked and never answered: whether it did this is not known.",
        zh="已向边缘端发送，但始终没有答复：无法确定它是否已执行。",
    ),
    "LS-5672": Text(
        en="the configuration has {size} bytes as it is sent; at most {limit} are possible. Take "
        "what is not needed out of it",
        zh="该配置发送时为 {size} 字节，最多只能 {limit} 字节。请删去不需要的内容",
    ),
    "LS-5673": Text(
        en="a secret must not be written into a configuration that is pushed: it would be kept "
        "here and sent to every edge. Write {{file: ...}}, {{env: ...}} or ${{NAME}}, and put the "
        "secret on the edge's computer",
        zh="下发的配置中不得写入明文密码：它会被保存在此处并发送给各边缘端。"
        "请写成 {{file: ...}}、{{env: ...}} 或 ${{NAME}}，并将密码放在边缘端的计算机上",
    ),
    "LS-5674": Text(
        en="{by} declared the edge {after} (before: {before}): {reason}.",
        zh="{by} 将该边缘端的状态由 {before} 改为 {after}：{reason}。",
    ),
    "LS-5675": Text(
        en="{by} pushed configuration {version} to the edge. {note}",
        zh="{by} 向该边缘端下发了配置版本 {version}。{note}",
    ),
    "LS-5676": Text(
        en="{by} noted that another computer takes the place of the edge's: {reason}. What the "
        "old one had not delivered will stand as a gap (buffer_lost).",
        zh="{by} 登记该边缘端更换了计算机：{reason}。"
        "旧计算机尚未送达的数据将记为数据缺口（buffer_lost）。",
    ),
    "LS-5677": Text(
        en="There is no edge {edge}: nothing was ever heard of it. `lineside-server edges list` "
        "shows all.",
        zh="没有名为 {edge} 的边缘端：从未收到过它的消息。"
        "可用 `lineside-server edges list` 查看全部。",
    ),
    "LS-5678": Text(
        en="The edge {edge} is retired. Declare it in service first: `lineside-server edges "
        "set-state`.",
        zh="边缘端 {edge} 已退役。请先用 `lineside-server edges set-state` 恢复使用。",
    ),
    "LS-5679": Text(
        en="The configuration says it is for {said}, not for {edge}. To push one text to many, "
        "write `plant: ${{LINESIDE_PLANT}}` and `edge: ${{LINESIDE_EDGE}}`.",
        zh="该配置注明用于 {said}，而不是 {edge}。要将同一配置下发给多个边缘端，"
        "请写 `plant: ${{LINESIDE_PLANT}}` 和 `edge: ${{LINESIDE_EDGE}}`。",
    ),
    "LS-5680": Text(
        en="{edge} was never pushed a configuration {version}. `lineside-server edges configs` "
        "lists its versions.",
        zh="从未向 {edge} 下发过版本 {version} 的配置。"
        "可用 `lineside-server edges configs` 查看各版本。",
    ),
    "LS-5681": Text(en="yes", zh="是"),
    "LS-5682": Text(en="no", zh="否"),
    "LS-5683": Text(
        en="What {edge} runs is not known here: it is the file on its own computer, or its agent "
        "does not say. Compare two versions instead: --diff 1..2.",
        zh="此处不知道 {edge} 正在运行的配置：它使用自己计算机上的文件，或其程序未上报。"
        "可改为比较两个版本：--diff 1..2。",
    ),
    "LS-5684": Text(en="No difference.", zh="没有差异。"),
    "LS-5685": Text(en="{edge} is {state} now, by {by}.", zh="{edge} 现为 {state}，操作人 {by}。"),
    "LS-5686": Text(en="{edge} answered: {state}.", zh="{edge} 的答复：{state}。"),
    "LS-5687": Text(
        en="Noted: another computer takes the place of {edge}. What to do now:\n"
        "1. Stop the old computer for good, or take its buffer.db over to the new one: two that "
        "send as {edge} are a fork.\n"
        "2. Install lineside on the new one with the same plant and edge in edge.yaml, its "
        "certificate or password, and start it.\n"
        "3. Without the old buffer.db the server writes a gap (buffer_lost) from the last time it "
        "has to the first of the new one: look at it with `lineside-server gaps list`, and accept "
        "it with `gaps accept`.",
        zh="已登记：{edge} 更换计算机。接下来：\n"
        "1. 彻底停用旧计算机，或把它的 buffer.db 移到新计算机：两台同时以 {edge} 发送会产生分叉。\n"
        "2. 在新计算机上安装 lineside，edge.yaml 使用相同的 plant 和 edge，"
        "配置其证书或密码并启动。\n"
        "3. 若没有旧的 buffer.db，服务器会记录一个数据缺口（buffer_lost），"
        "从已有的最后时间到新数据的最早时间：可用 `lineside-server gaps list` 查看，"
        "并用 `gaps accept` 确认接受。",
    ),
    "LS-5688": Text(
        en="Attention: {edge} is connected at this moment. Stop the old computer before the new "
        "one starts.",
        zh="注意：{edge} 目前在线。请在新计算机启动之前停止旧计算机。",
    ),
    "LS-5689": Text(
        en="Records the old one had not delivered when it was last heard of: {count}. They come "
        "only with its buffer.db.",
        zh="旧计算机最后一次上报时尚未送达的记录数：{count}。只有保留其 buffer.db 才能补传。",
    ),
    "LS-5690": Text(
        en="Sent to the new one as soon as it is connected: {orders} orders; configuration "
        "version: {version}.",
        zh="新计算机连接后将立即下发：工单 {orders} 个；配置版本：{version}。",
    ),
    "LS-5691": Text(
        en="There is no gap {gap}. List them with `lineside-server gaps list`.",
        zh="没有编号为 {gap} 的数据缺口。可用 `lineside-server gaps list` 列出。",
    ),
    "LS-5692": Text(
        en="{by} accepted gap {gap} already, at {at}.",
        zh="{by} 已于 {at} 接受数据缺口 {gap}。",
    ),
    "LS-5694": Text(
        en="{given} names no edge: write plant/edge, as `lineside-server edges list` shows them.",
        zh="{given} 不是边缘端的名称：请写成 plant/edge，参见 `lineside-server edges list`。",
    ),
    "LS-5695": Text(
        en="{given} is none of what can be chosen here: {known}.",
        zh="{given} 不在可选值之内：{known}。",
    ),
    "LS-5693": Text(
        en="Gap {gap} is accepted, by {by}.", zh="数据缺口 {gap} 已接受，操作人 {by}。"
    ),
}
