"""Texts of the wire contract (codes LS-2xxx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-2001": Text(
        en="'{id}' is no valid plant or edge id: use 1 to 32 of a-z, 0-9, '_' and '-', "
        "beginning with a letter or digit.",
        zh="“{id}”不是有效的工厂或边缘标识：请用 1 到 32 个 a-z、0-9、“_”、“-”，以字母或数字开头。",
    ),
    "LS-2002": Text(
        en="Topic '{topic}' is not one of Lineside's; something else publishes there. Check the "
        "broker's access rules.",
        zh="主题“{topic}”不属于 Lineside，有其他程序在此发布。请检查 MQTT 服务器的访问规则。",
    ),
    "LS-2003": Text(
        en="Topic '{topic}' names a wrong shard, {shard} is right. The sender is not a Lineside "
        "edge agent, or is faulty.",
        zh="主题“{topic}”的分片号错误，应为 {shard}。发送方不是 Lineside 边缘代理，或有故障。",
    ),
    "LS-2010": Text(
        en="A record of {size} bytes is larger than the contract's {limit}; it is not taken.",
        zh="一条记录有 {size} 字节，超过约定的 {limit} 字节，未予接收。",
    ),
    "LS-2011": Text(
        en="A message of {size} bytes does not begin as a Lineside record. It is kept as a dead "
        "letter; find out who publishes on this topic.",
        zh="一条 {size} 字节的消息不是 Lineside 记录。已存入死信，请查明是谁在该主题上发布。",
    ),
    "LS-2012": Text(
        en="A record of contract version {version} was refused: this release knows version "
        "{known}. It stays at the edge; update the server first.",
        zh="拒收约定版本 {version} 的记录：本版本只认识 {known}。"
        "数据仍留在边缘端，请先升级服务器。",
    ),
    "LS-2013": Text(
        en="The prefix of a record of {size} bytes is damaged. It is kept as a dead letter; the "
        "edge sends the record again.",
        zh="一条 {size} 字节记录的前缀已损坏。已存入死信，边缘端会重新发送。",
    ),
    "LS-2014": Text(
        en="The prefix of a record names unknown things (class {cls}, kind {kind}, packing "
        "{packing}, seq {seq}). Update the server if the edge is newer.",
        zh="记录前缀含未知内容（类别 {cls}、种类 {kind}、压缩 {packing}、序号 {seq}）。"
        "若边缘端版本较新，请升级服务器。",
    ),
    "LS-2015": Text(
        en="Record {seq} of epoch {epoch} was damaged after it was encoded. If it comes damaged "
        "again, the edge's own copy is bad: check that PC's disk.",
        zh="纪元 {epoch} 的记录 {seq} 在编码后被损坏。若再次损坏，说明边缘端自身副本已坏，"
        "请检查该工控机的磁盘。",
    ),
    "LS-2016": Text(
        en="A record unpacks to {size} bytes but promises {promised}; it is not taken.",
        zh="一条记录解压后为 {size} 字节，与声明的 {promised} 字节不符，未予接收。",
    ),
    "LS-2017": Text(
        en="A record's body cannot be unpacked ({reason}).",
        zh="记录内容无法解压（{reason}）。",
    ),
    "LS-2020": Text(
        en="A record of {count} samples is larger than the contract's {limit}.",
        zh="一条记录含 {count} 个采样，超过约定的 {limit} 个。",
    ),
    "LS-2021": Text(
        en="Column '{field}' of a record does not say anything valid.",
        zh="记录的“{field}”列内容无效。",
    ),
    "LS-2022": Text(en="A message is no JSON ({reason}).", zh="消息不是 JSON（{reason}）。"),
    "LS-2023": Text(
        en="A text of {size} bytes is longer than the contract's {limit}.",
        zh="一段文本有 {size} 字节，超过约定的 {limit} 字节。",
    ),
    "LS-2024": Text(
        en="The columns of a block '{family}' are not equally long.",
        zh="数据块“{family}”的各列长度不一致。",
    ),
    "LS-2025": Text(
        en="Field '{field}' of a record is wrong ({reason}).",
        zh="记录的字段“{field}”有误（{reason}）。",
    ),
    "LS-2030": Text(
        en="A control message of {size} bytes is larger than the contract's {limit}.",
        zh="一条控制消息有 {size} 字节，超过约定的 {limit} 字节。",
    ),
    "LS-2031": Text(
        en="Field '{field}' of a {message} message is wrong; the message is ignored.",
        zh="{message} 消息的字段“{field}”有误，该消息已忽略。",
    ),
    "LS-2040": Text(
        en="{file} is not a whole records file: {reason} (at record {record}, byte {offset}). "
        "Write it again, on another stick if need be.",
        zh="{file} 不是完整的记录文件：{reason}（第 {record} 条记录，第 {offset} 字节处）。请重新"
        "写入，必要时更换 U 盘。",
    ),
}
