"""Texts of the runtime: LS-10xx configuration, 11xx MQTT, 12xx tasks, 13xx commands."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-1000": Text(
        en="{file} has {count} problem(s). Correct them and start again.",
        zh="{file} 有 {count} 处问题，请更正后重新启动。",
    ),
    "LS-1001": Text(
        en="There is no such file. Check the path.",
        zh="文件不存在，请检查路径。",
    ),
    "LS-1002": Text(
        en="This is a folder. Name the file in it.",
        zh="这是文件夹，请指定其中的文件。",
    ),
    "LS-1003": Text(
        en="The file cannot be read: {reason}. Check its permissions.",
        zh="无法读取文件：{reason}。请检查文件权限。",
    ),
    "LS-1004": Text(
        en="The file is larger than {limit_mib} MiB. Split it.",
        zh="文件超过 {limit_mib} MiB，请拆分。",
    ),
    "LS-1005": Text(
        en="The file is not UTF-8 text. Save it as UTF-8.",
        zh="文件不是 UTF-8 文本，请另存为 UTF-8 编码。",
    ),
    "LS-1006": Text(
        en="The file is saved as GB18030 (GBK), not as UTF-8. Save it as UTF-8.",
        zh="文件以 GB18030（GBK）编码保存，请另存为 UTF-8 编码。",
    ),
    "LS-1007": Text(
        en="This is not valid YAML: {reason}. Check indentation, colons and quotes here and above.",
        zh="YAML 语法错误：{reason}。请检查此处及上方的缩进、冒号和引号。",
    ),
    "LS-1008": Text(
        en="The file is empty. Start from an example in configs/.",
        zh="文件为空，请参照 configs/ 中的示例填写。",
    ),
    "LS-1009": Text(
        en="The key '{key}' stands here a second time, first in line {first}. Remove one.",
        zh="键“{key}”重复，首次出现在第 {first} 行，请删除其中一个。",
    ),
    "LS-1010": Text(
        en="This key is required. Add it.",
        zh="缺少必填项，请补上。",
    ),
    "LS-1011": Text(
        en="Unknown key. Known here: {known}.",
        zh="未知的键。此处可用：{known}。",
    ),
    "LS-1012": Text(
        en="Unknown key. Did you mean '{suggestion}'?",
        zh="未知的键。是否应为“{suggestion}”？",
    ),
    "LS-1013": Text(
        en="The environment variable {name} is not set. Set it, or write ${{{name}:-default}}.",
        zh="环境变量 {name} 未设置。请设置该变量，或写成 ${{{name}:-默认值}}。",
    ),
    "LS-1014": Text(
        en="{value} starts with 0. Write a number without it, or a text in quotes: '{value}'.",
        zh="{value} 以 0 开头。若为数字请去掉前导 0，若为文本请加引号：'{value}'。",
    ),
    "LS-1015": Text(
        en="The tag {tag} is not allowed. Write the plain value.",
        zh="不允许使用标签 {tag}，请直接写值。",
    ),
    "LS-1016": Text(
        en="A second document starts here (---). Only one is allowed in a file.",
        zh="此处开始了第二个文档（---），每个文件只允许一个文档。",
    ),
    "LS-1017": Text(
        en="A key must be a text or a number. Put quotes around it.",
        zh="键必须是文本或数字，请加引号。",
    ),
    "LS-1018": Text(
        en="Nested deeper than {limit} levels. Simplify the file.",
        zh="嵌套超过 {limit} 层，请简化文件。",
    ),
    "LS-1019": Text(
        en="More than {limit} values once the aliases (*name) are written out. Use fewer aliases.",
        zh="展开别名（*名称）后超过 {limit} 个值，请减少别名。",
    ),
    "LS-1020": Text(
        en="The alias *{name} has no anchor &{name} that ends before it. Correct the name.",
        zh="别名 *{name} 之前没有对应的锚点 &{name}，请更正名称。",
    ),
    "LS-1021": Text(
        en="Must be a whole number, not '{value}'.",
        zh="必须是整数，而不是“{value}”。",
    ),
    "LS-1022": Text(
        en="Must be a number, not '{value}'.",
        zh="必须是数字，而不是“{value}”。",
    ),
    "LS-1023": Text(
        en="Must be a text. Put it in quotes: '{value}'.",
        zh="必须是文本，请加引号：'{value}'。",
    ),
    "LS-1024": Text(
        en="Must be true or false, not '{value}'.",
        zh="必须是 true 或 false，而不是“{value}”。",
    ),
    "LS-1025": Text(
        en="Must be a list (lines that start with '- '), not '{value}'.",
        zh="必须是列表（每行以“- ”开头），而不是“{value}”。",
    ),
    "LS-1026": Text(
        en="Must be a group of 'key: value' lines, not '{value}'.",
        zh="必须是若干“键: 值”行，而不是“{value}”。",
    ),
    "LS-1027": Text(
        en="There is no value. Fill it in, or remove the key.",
        zh="没有填写值，请填写或删除该键。",
    ),
    "LS-1028": Text(
        en="Must be {relation} {limit}, not {value}.",
        zh="必须 {relation} {limit}，而不是 {value}。",
    ),
    "LS-1029": Text(
        en="'{value}' is not possible here. Possible: {expected}.",
        zh="此处不能为“{value}”。可选：{expected}。",
    ),
    "LS-1030": Text(
        en="'{value}' is not possible here. Did you mean '{suggestion}'? Possible: {expected}.",
        zh="此处不能为“{value}”。是否应为“{suggestion}”？可选：{expected}。",
    ),
    "LS-1031": Text(
        en="'{value}' is no valid date, time or duration. Write e.g. 2025-03-01T06:00:00+08:00, "
        "06:00 or PT8H.",
        zh="“{value}”不是有效的日期、时间或时长。"
        "请写成如 2025-03-01T06:00:00+08:00、06:00 或 PT8H。",
    ),
    "LS-1032": Text(
        en="The length must be {relation} {limit} characters: '{value}'.",
        zh="长度必须 {relation} {limit} 个字符：“{value}”。",
    ),
    "LS-1033": Text(
        en="The number of entries must be {relation} {limit}, not {value}.",
        zh="条目数必须 {relation} {limit}，而不是 {value}。",
    ),
    "LS-1034": Text(
        en="'{value}' does not have the form {pattern}.",
        zh="“{value}”不符合格式 {pattern}。",
    ),
    "LS-1035": Text(
        en="'{value}' is none of what is possible here: {expected}.",
        zh="“{value}”不属于此处允许的类型：{expected}。",
    ),
    "LS-1036": Text(
        en="The key '{field}' is required: it says which kind this is. Add it.",
        zh="缺少必填项“{field}”（用于说明类型），请补上。",
    ),
    "LS-1037": Text(
        en="Not valid: {reason}",
        zh="无效：{reason}",
    ),
    "LS-1038": Text(
        en="'{value}' is not valid: {reason}",
        zh="“{value}”无效：{reason}",
    ),
    "LS-1039": Text(
        en="Must be a finite number, not '{value}'.",
        zh="必须是有限的数字，而不是“{value}”。",
    ),
    "LS-1040": Text(
        en="A secret is a text in quotes, {{file: path}} or {{env: NAME}}.",
        zh="密码或密钥应为带引号的文本、{{file: 路径}} 或 {{env: 变量名}}。",
    ),
    "LS-1041": Text(
        en="The secret's file {path} cannot be read: {reason}. Check path and permissions.",
        zh="无法读取密钥文件 {path}：{reason}。请检查路径和权限。",
    ),
    "LS-1042": Text(
        en="The secret's file {path} is empty, too large or not UTF-8. Write the secret into it.",
        zh="密钥文件 {path} 为空、过大或不是 UTF-8。请将密钥写入该文件。",
    ),
    "LS-1043": Text(
        en="The environment variable {name} with the secret is not set or empty. Set it.",
        zh="存放密钥的环境变量 {name} 未设置或为空，请设置。",
    ),
    "LS-1044": Text(
        en="'<<' takes over a group of keys: give an alias of one (*name).",
        zh="“<<”用于合并一组键，请给出其别名（*名称）。",
    ),
    "LS-1045": Text(
        en="There is a tab before this point. Indent with spaces only.",
        zh="此处之前有制表符（Tab），缩进只能使用空格。",
    ),
    "LS-1046": Text(
        en="Must be a multiple of {limit}, not {value}.",
        zh="必须是 {limit} 的倍数，而不是 {value}。",
    ),
    "LS-1047": Text(
        en="{field}: '{value}' is not known. Possible: {expected}.",
        zh="{field}：未知的“{value}”。可选：{expected}。",
    ),
    "LS-1048": Text(
        en="Unknown key. Remove it.",
        zh="未知的键，请删除。",
    ),
    "LS-1049": Text(
        en="Put quotes around the text with ${{...}} inside {{ }} or [ ].",
        zh="在 {{ }} 或 [ ] 内，含 ${{...}} 的文本必须加引号。",
    ),
    "LS-1050": Text(
        en="A second ': ' stands here, or the line is indented wrongly. Put quotes around a text "
        "that contains ': '.",
        zh="此处多出一个“: ”，或该行缩进有误。含“: ”的文本请加引号。",
    ),
    "LS-1051": Text(
        en="The quote or bracket that opens here is not closed properly. Close it.",
        zh="此处开始的引号或括号没有正确结束，请补全。",
    ),
    "LS-1052": Text(
        en="The indentation is wrong here or just above: lines of one group start in the same "
        "column.",
        zh="此处或上方的缩进有误：同一组的各行必须从同一列开始。",
    ),
    "LS-1053": Text(
        en="A text cannot start like this. Put it in quotes.",
        zh="文本不能以此字符开头，请加引号。",
    ),
    "LS-1054": Text(
        en="In double quotes \\ starts an escape. Use single quotes, or write it twice.",
        zh="双引号内的 \\ 表示转义，请改用单引号或写两次。",
    ),
    "LS-1055": Text(
        en="A ':' is missing after a key here or just above.",
        zh="此处或上方的键之后缺少“:”。",
    ),
    "LS-1101": Text(
        en="The broker {broker} cannot be reached: {reason}. The program keeps trying; check "
        "network, address and that the broker runs.",
        zh="无法连接消息服务器 {broker}：{reason}。"
        "程序将继续重试，请检查网络、地址及服务器是否运行。",
    ),
    "LS-1102": Text(
        en="The broker {broker} did not answer within {limit_s} s. The program keeps trying; check "
        "that this port speaks MQTT, and the broker's own log.",
        zh="消息服务器 {broker} 在 {limit_s} 秒内未应答。程序将继续重试，"
        "请确认该端口为 MQTT，并查看消息服务器自身的日志。",
    ),
    "LS-1103": Text(
        en="The connection to the broker {broker} is lost: {reason}. The program connects again.",
        zh="与消息服务器 {broker} 的连接中断：{reason}。程序将重新连接。",
    ),
    "LS-1104": Text(
        en="The broker {broker} does not accept user name or password. Correct them.",
        zh="消息服务器 {broker} 不接受用户名或密码，请更正。",
    ),
    "LS-1105": Text(
        en="The broker {broker} does not authorise client {client_id}. Check its user name, "
        "password and rights at the broker.",
        zh="消息服务器 {broker} 未授权客户端 {client_id}。请检查用户名、密码及其在服务器上的权限。",
    ),
    "LS-1106": Text(
        en="The broker {broker} refuses the subscription to {filter}. Grant this client the right "
        "to read it.",
        zh="消息服务器 {broker} 拒绝订阅 {filter}。请授予该客户端读取权限。",
    ),
    "LS-1107": Text(
        en="{count} publishes to the broker {broker} wait for their answer; no more are taken.",
        zh="已有 {count} 条发往消息服务器 {broker} 的消息等待应答，暂不接受更多。",
    ),
    "LS-1108": Text(
        en="The broker {broker} refuses the client id {client_id}. Give this client another one.",
        zh="消息服务器 {broker} 拒绝客户端标识 {client_id}，请更换。",
    ),
    "LS-1109": Text(
        en="The broker {broker} does not speak MQTT 3.1.1. Use another broker or port.",
        zh="消息服务器 {broker} 不支持 MQTT 3.1.1，请更换服务器或端口。",
    ),
    "LS-1110": Text(
        en="The broker {broker} serves nobody now: {reason}. The program keeps trying.",
        zh="消息服务器 {broker} 暂不可用：{reason}。程序将继续重试。",
    ),
    "LS-1111": Text(
        en="The certificate of the broker {broker} is not trusted: {reason}. Check ca_file, the "
        "host name in the certificate and this computer's date.",
        zh="消息服务器 {broker} 的证书不受信任：{reason}。"
        "请检查 ca_file、证书中的主机名及本机日期。",
    ),
    "LS-1112": Text(
        en="No encrypted connection to the broker {broker}: {reason}. Check that this port expects "
        "TLS.",
        zh="无法与消息服务器 {broker} 建立加密连接：{reason}。请确认该端口使用 TLS。",
    ),
    "LS-1113": Text(
        en="The broker {broker} does not accept our certificate: {reason}. Check cert_file and "
        "key_file, and that the broker trusts who issued them.",
        zh="消息服务器 {broker} 不接受本机证书：{reason}。请检查 cert_file 和 key_file，"
        "并确认服务器信任其签发者。",
    ),
    "LS-1114": Text(
        en="The TLS files for the broker {broker} cannot be used: {reason}. Check ca_file, "
        "cert_file, key_file and key_password.",
        zh="连接消息服务器 {broker} 的 TLS 文件无法使用：{reason}。"
        "请检查 ca_file、cert_file、key_file 和 key_password。",
    ),
    "LS-1115": Text(
        en="cert_file and key_file belong together. Give both or none.",
        zh="cert_file 与 key_file 必须同时提供或同时省略。",
    ),
    "LS-1116": Text(
        en="A password needs a user name. Add username.",
        zh="设置了密码但缺少用户名，请补充 username。",
    ),
    "LS-1117": Text(
        en="'{node}' is not the address of a broker's node. Write host or host:port, the port "
        "between 1 and 65535; an IPv6 address with a port stands in brackets.",
        zh="“{node}”不是消息服务器节点的有效地址。请写成 host 或 host:port，"
        "端口范围 1 至 65535；带端口的 IPv6 地址须加方括号。",
    ),
    "LS-1150": Text(en="refused, nothing listens there", zh="被拒绝，该端口无服务"),
    "LS-1151": Text(en="no answer", zh="无应答"),
    "LS-1152": Text(en="no answer for {silent_s} s", zh="{silent_s} 秒无应答"),
    "LS-1153": Text(en="no way to this address", zh="网络不可达"),
    "LS-1154": Text(en="reset by the other side", zh="连接被对方重置"),
    "LS-1155": Text(en="the host name is not known", zh="主机名无法解析"),
    "LS-1156": Text(en="closed by the broker", zh="被服务器关闭"),
    "LS-1157": Text(en="closed by this program", zh="由本程序关闭"),
    "LS-1158": Text(en="not connected", zh="尚未连接"),
    "LS-1159": Text(en="what it sends is not MQTT", zh="对方发送的不是 MQTT"),
    "LS-1160": Text(en="there is no such file: {path}", zh="文件不存在：{path}"),
    "LS-1201": Text(
        en="Task {task} failed and starts again in {pause_s} s: {reason}",
        zh="任务 {task} 失败，将在 {pause_s} 秒后重新启动：{reason}",
    ),
    "LS-1202": Text(
        en="Still running after {grace_s} s: {tasks}. The program ends without waiting for them.",
        zh="{grace_s} 秒后仍在运行：{tasks}。程序不再等待，直接结束。",
    ),
    "LS-1301": Text(
        en="The library {library} is not installed. Run: pip install 'lineside[{extra}]'",
        zh="未安装程序库 {library}。请运行：pip install 'lineside[{extra}]'",
    ),
    "LS-1302": Text(
        en="Unexpected error: {reason}. This is a defect of the program: please report it, with "
        "the output of the same command under LINESIDE_DEBUG=1.",
        zh="意外错误：{reason}。这是程序缺陷，请设置 LINESIDE_DEBUG=1 重新运行并反馈输出。",
    ),
    "LS-1303": Text(
        en="'{value}' is no language. Use --lang en or --lang zh.",
        zh="“{value}”不是可用的语言，请使用 --lang en 或 --lang zh。",
    ),
    "LS-1304": Text(
        en="The system refuses: {reason}. Check path, space and permissions.",
        zh="系统拒绝操作：{reason}。请检查路径、空间和权限。",
    ),
}
