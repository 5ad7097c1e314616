"""Texts of the drivers (codes LS-3xxx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-3001": Text(
        en="The driver {driver} needs the package {package}, which is not installed: run pip "
        "install 'lineside[edge]'.",
        zh="驱动 {driver} 需要软件包 {package}，但尚未安装：请运行 pip install 'lineside[edge]'。",
    ),
    "LS-3002": Text(
        en="The path {path} occurs twice in device {device}: give each tag its own path.",
        zh="设备 {device} 中路径 {path} 出现了两次：请为每个变量使用不同的路径。",
    ),
    "LS-3003": Text(
        en="{path} is not a tag path: use printable characters, segments separated by single "
        "slashes, none at either end.",
        zh="{path} 不是有效的变量路径：请使用可打印字符，各段以单个斜杠分隔，首尾不带斜杠或空格。",
    ),
    "LS-3004": Text(
        en="{what} does not go with the data type {dtype}: remove it, it is for numbers only.",
        zh="{what} 不能用于数据类型 {dtype}：它只适用于数值，请删除。",
    ),
    "LS-3005": Text(
        en="A deadband has either absolute or percent: give exactly one of them.",
        zh="死区只能是 absolute 或 percent 之一：请只填写其中一个。",
    ),
    "LS-3101": Text(
        en="{address} is not a Modbus address: write coil:0, discrete:0, input:0x10, holding:5, "
        "holding:5.3 for a bit, or with numbering: plc a number such as 40001.",
        zh="{address} 不是 Modbus 地址：请写成 coil:0、discrete:0、input:0x10、holding:5，位写成"
        " holding:5.3；若 numbering: plc，则写 40001 这样的编号。",
    ),
    "LS-3102": Text(
        en="The address {address} does not fit numbering: {numbering}. zero_based takes "
        "holding:0 (from 0), plc takes 40001 (from 1); a device uses one of them throughout.",
        zh="地址 {address} 与 numbering: {numbering} 不符。zero_based 用 holding:0（从 0 起），"
        "plc 用 40001（从 1 起）；同一设备只能用一种。",
    ),
    "LS-3103": Text(
        en="The data type {dtype} does not fit the address {address}: coils, discrete inputs "
        "and bits of a register are bool, whole registers are numbers or texts.",
        zh="数据类型 {dtype} 与地址 {address} 不符：线圈、离散输入和寄存器的位是 bool，整个寄存"
        "器是数值或文本。",
    ),
    "LS-3104": Text(
        en="{address}: a text (str) needs its length in registers, any other type must not have "
        "one.",
        zh="{address}：文本（str）必须给出以寄存器计的 length，其他类型不能有 length。",
    ),
    "LS-3105": Text(
        en="encoding: bcd does not go with the data type {dtype}: use u8, u16, u32 or u64.",
        zh="encoding: bcd 不能用于数据类型 {dtype}：请使用 u8、u16、u32 或 u64。",
    ),
    "LS-3106": Text(
        en="{address} with {width} registers reaches beyond the last address 65535: correct it.",
        zh="{address} 占 {width} 个寄存器，超出了最后地址 65535：请更正。",
    ),
    "LS-3107": Text(
        en="{address} is longer than the {limit} registers one request may have: raise "
        "max_registers, or shorten the value.",
        zh="{address} 超过一次请求允许的 {limit} 个寄存器：请增大 max_registers 或缩短该值。",
    ),
    "LS-3108": Text(
        en="Unit 0 is the broadcast address of a serial bus, nobody answers to it: use 1 to 247.",
        zh="站号 0 是串行总线的广播地址，不会有应答：请使用 1 至 247。",
    ),
    "LS-3110": Text(
        en="Device {device} at {address} cannot be reached ({reason}); it is tried again. Check "
        "power, cable, address and port.",
        zh="无法连接设备 {device}（{address}）：{reason}；将自动重试。请检查电源、网线、地址和端"
        "口。",
    ),
    "LS-3111": Text(
        en="The connection to device {device} at {address} is lost ({reason}); it is made again.",
        zh="与设备 {device}（{address}）的连接已中断（{reason}）；将重新连接。",
    ),
    "LS-3112": Text(
        en="Device {device} at {address}: unit {unit} does not answer ({reason}). Its tags are "
        "bad, the others go on; it is tried again.",
        zh="设备 {device}（{address}）：站号 {unit} 无应答（{reason}）。其变量置为坏值，其他站不"
        "受影响；将自动重试。",
    ),
    "LS-3113": Text(
        en="Device {device} at {address}: {tag} at {place} of unit {unit} is refused ({reason})"
        ". The tag is bad until the device has it; check its address.",
        zh="设备 {device}（{address}）：站号 {unit} 的 {place}（{tag}）被拒绝（{reason}）。在设"
        "备提供该地址之前其值为坏值；请检查地址。",
    ),
    "LS-3114": Text(
        en="Device {device} at {address} answered something else than was asked ({reason}); the "
        "connection is made afresh.",
        zh="设备 {device}（{address}）的应答与请求不符（{reason}）；将重新建立连接。",
    ),
    "LS-3201": Text(
        en="{address} is not an OPC UA node id: write ns=2;s=Name, ns=2;i=7 or nsu=urn:maker;"
        "s=Name, with [3] at the end for an element of an array.",
        zh="{address} 不是 OPC UA 节点标识：请写成 ns=2;s=名称、ns=2;i=7 或 nsu=urn:maker;s=名称"
        "，数组元素在末尾加 [3]。",
    ),
    "LS-3202": Text(
        en="server_deadband works only in a group with mode: subscribe: change the mode, or use "
        "deadband.",
        zh="server_deadband 只能用于 mode: subscribe 的组：请改用该模式，或使用 deadband。",
    ),
    "LS-3203": Text(
        en="server_sha256 must be the SHA-256 fingerprint of the server's certificate: 64 hex "
        "digits, colons allowed.",
        zh="server_sha256 必须是服务器证书的 SHA-256 指纹：64 位十六进制数字，可带冒号。",
    ),
    "LS-3210": Text(
        en="Device {device} at {address} cannot be reached ({reason}); it is tried again. Check "
        "power, network and end point.",
        zh="无法连接设备 {device}（{address}）：{reason}；将自动重试。请检查电源、网络和端点地址。",
    ),
    "LS-3211": Text(
        en="The connection to device {device} at {address} is lost ({reason}); it is made again.",
        zh="与设备 {device}（{address}）的连接已中断（{reason}）；将重新连接。",
    ),
    "LS-3212": Text(
        en="Device {device} at {address} shows a certificate with the fingerprint {found}, not "
        "the configured {expected}. Nothing was sent. If the server's certificate was renewed, "
        "check the new fingerprint at the server and correct server_sha256.",
        zh="设备 {device}（{address}）的证书指纹为 {found}，与配置的 {expected} 不一致，未发送任"
        "何数据。如果服务器更换了证书，请在服务器上核对新指纹并更正 server_sha256。",
    ),
    "LS-3213": Text(
        en="Device {device} at {address} does not offer security {security}; there is no fall "
        "back. Offered: {offered}. Enable it at the server, or change the configuration.",
        zh="设备 {device}（{address}）不提供安全策略 {security}，也不会降级。服务器提供："
        "{offered}。请在服务器上启用，或修改配置。",
    ),
    "LS-3214": Text(
        en="Device {device} at {address} refuses user {user} ({reason}): check name and password.",
        zh="设备 {device}（{address}）拒绝用户 {user}（{reason}）：请检查用户名和密码。",
    ),
    "LS-3215": Text(
        en="Device {device} at {address} would take the password unencrypted: use a secure "
        "policy, or permit it with user.plain: true.",
        zh="设备 {device}（{address}）会以明文接收密码：请使用加密策略，或用 user.plain: true 明"
        "确允许。",
    ),
    "LS-3216": Text(
        en="Device {device} at {address} refuses our certificate ({reason}): let the server "
        "trust {certificate}.",
        zh="设备 {device}（{address}）拒绝我方证书（{reason}）：请在服务器上信任 {certificate}。",
    ),
    "LS-3217": Text(
        en="Device {device}: the certificate or key in {folder} cannot be used ({reason}). "
        "Restore both files, or remove both and a new pair is made.",
        zh="设备 {device}：{folder} 中的证书或密钥无法使用（{reason}）。请恢复这两个文件，或删除"
        "两者以重新生成。",
    ),
    "LS-3218": Text(
        en="Device {device} at {address} returned {found} values where {asked} were asked for; "
        "none of them is used. The connection is made afresh.",
        zh="设备 {device}（{address}）请求了 {asked} 个值却返回 {found} 个，均不采用；将重新建立"
        "连接。",
    ),
    "LS-3219": Text(
        en="Device {device} at {address}: nothing was heard of a subscription for {silent_s} s, "
        "not even that it is alive; the connection is made afresh.",
        zh="设备 {device}（{address}）：某订阅已 {silent_s} 秒没有任何消息（包括保活）；将重新建"
        "立连接。",
    ),
    "LS-3220": Text(
        en="Device {device} at {address}: the namespace {uri} of tag {tag} does not exist at "
        "the server; the tag is bad until it does.",
        zh="设备 {device}（{address}）：服务器上不存在变量 {tag} 的命名空间 {uri}；在其出现之前"
        "为坏值。",
    ),
    "LS-3221": Text(
        en="Device {device} at {address}: node {node} ({tag}) is refused ({reason}). The tag is "
        "bad until the server has it; check its address.",
        zh="设备 {device}（{address}）：节点 {node}（{tag}）被拒绝（{reason}）。在服务器提供该节"
        "点之前其值为坏值；请检查地址。",
    ),
    "LS-3222": Text(
        en="Device {device} at {address}: tag {tag} gives {found}, which does not fit its data "
        "type {dtype}; its values are bad. Correct dtype.",
        zh="设备 {device}（{address}）：变量 {tag} 的值类型为 {found}，与数据类型 {dtype} 不符，"
        "其值为坏值。请更正 dtype。",
    ),
    "LS-3223": Text(
        en="Device {device} at {address} reports faster than it can be taken: {count} values "
        "were given up. Lengthen every_ms or sampling_ms.",
        zh="设备 {device}（{address}）上报过快，已丢弃 {count} 个值。请加大 every_ms 或 "
        "sampling_ms。",
    ),
    "LS-3224": Text(
        en="Device {device} at {address} hung up while the secure channel was opened; it is tried "
        "again. It may not trust our certificate: let it trust {certificate}.",
        zh="设备 {device}（{address}）在建立安全通道时断开了连接；将自动重试。"
        "它可能不信任我方证书：请在服务器上信任 {certificate}。",
    ),
    "LS-3225": Text(
        en="The server is known in one way: give either server_sha256 or trusted_dir.",
        zh="只能用一种方式确认服务器身份：请填写 server_sha256 或 trusted_dir 之一。",
    ),
    "LS-3226": Text(
        en="A user logs in with name and password, or with certificate and private_key: give one "
        "of these pairs.",
        zh="用户登录需要 name 和 password，或 certificate 和 private_key：请填写其中一组。",
    ),
    "LS-3227": Text(
        en="A user with a certificate needs a secure channel: set security to a policy, not none.",
        zh="使用证书登录的用户需要安全通道：请将 security 设为某个安全策略，而不是 none。",
    ),
    "LS-3228": Text(
        en="Device {device} at {address} shows a certificate with the fingerprint {found} that "
        "nothing in {folder} vouches for, or that is out of date. Nothing was sent. Check it at "
        "the server; then put it, or its authority's, into that folder.",
        zh="设备 {device}（{address}）的证书指纹为 {found}，{folder} 中没有可信任它的证书，或证书"
        "不在有效期内，未发送任何数据。请在服务器上核对，再将该证书或其颁发机构的证书放入该目录。",
    ),
    "LS-3229": Text(
        en="Device {device} at {address}: the user's certificate or key cannot be used "
        "({reason}). Correct user.certificate and user.private_key.",
        zh="设备 {device}（{address}）：用户证书或密钥无法使用（{reason}）。请更正 "
        "user.certificate 和 user.private_key。",
    ),
    "LS-3230": Text(
        en="Device {device} at {address}: no server can be trusted, since trusted_dir cannot be "
        "used ({reason}). Put the server's certificate, or its authority's, into that folder.",
        zh="设备 {device}（{address}）：trusted_dir 无法使用（{reason}），因此不能信任任何服务器。"
        "请将服务器证书或其颁发机构的证书放入该目录。",
    ),
    "LS-3301": Text(
        en="A scanner is reached in one way: give exactly one of connect, listen, "
        "serial and keyboard.",
        zh="扫码器只能以一种方式接入：connect、listen、serial、keyboard 请只填写其中一个。",
    ),
    "LS-3302": Text(
        en="{pattern} is not a regular expression ({reason}): correct it.",
        zh="{pattern} 不是有效的正则表达式（{reason}）：请更正。",
    ),
    "LS-3303": Text(
        en="The pattern {pattern} could take too long on a line of {longest} bytes. Avoid a "
        "repetition inside of a repetition, bound repetitions ({{1,20}} instead of +), or make "
        "longest smaller.",
        zh="正则表达式 {pattern} 匹配 {longest} 字节的行可能耗时过长。请避免重复中再套重复，限定"
        "重复次数（用 {{1,20}} 代替 +），或减小 longest。",
    ),
    "LS-3304": Text(
        en="{address} is not a part of the text: write line for the whole text, or the name of a "
        "group of the pattern, (?P<name>...).",
        zh="{address} 不是文本的一部分：整行写 line，否则写正则表达式中的命名组 (?P<名称>...)。",
    ),
    "LS-3305": Text(
        en="What a scanner reads is text: the data type {dtype} must be str.",
        zh="扫码器读到的是文本：数据类型 {dtype} 必须为 str。",
    ),
    "LS-3306": Text(
        en="{text} cannot be written in the encoding {encoding}: correct one of the two.",
        zh="{text} 无法用编码 {encoding} 表示：请更正其中之一。",
    ),
    "LS-3307": Text(
        en="A keyboard sends no heartbeat: leave heartbeat out.",
        zh="键盘式扫码器不会发送心跳：请去掉 heartbeat。",
    ),
    "LS-3310": Text(
        en="The scanner {device} at {address} cannot be reached ({reason}); it is tried again. "
        "Check power, cable, address and port.",
        zh="无法连接扫码器 {device}（{address}）：{reason}；将自动重试。请检查电源、线缆、地址和端"
        "口。",
    ),
    "LS-3311": Text(
        en="The connection to the scanner {device} at {address} is lost ({reason}); it is made "
        "again.",
        zh="与扫码器 {device}（{address}）的连接已中断（{reason}）；将重新连接。",
    ),
    "LS-3312": Text(
        en="Nothing was heard of the scanner {device} at {address} for {silent_s} s, not even its "
        "heartbeat; the connection is made again.",
        zh="扫码器 {device}（{address}）已 {silent_s} 秒没有任何消息（包括心跳）；将重新连接。",
    ),
    "LS-3314": Text(
        en="The scanner {device} at {address} sends lines that are dropped ({reason}); they are "
        "counted from now on. Check terminator, encoding, prefix, suffix, longest and the cable.",
        zh="扫码器 {device}（{address}）发来的行被丢弃（{reason}），此后只计数。请检查 terminator、"
        "encoding、prefix、suffix、longest 以及线缆。",
    ),
    "LS-3315": Text(
        en="The scanner {device} at {address} reads texts that no pattern matches, such as {text}; "
        "they are counted from now on. Correct the patterns if they are wanted.",
        zh="扫码器 {device}（{address}）读到的文本不符合任何正则表达式，例如 {text}；此后只计数。如"
        "需要这些文本，请更正正则表达式。",
    ),
}
