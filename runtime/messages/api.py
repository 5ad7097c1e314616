"""Texts of the API (codes LS-6xxx).

LS-6<status> is the title of a problem with that HTTP status; LS-60xx are the problems themselves,
the reasons why a parameter is wrong, and the words of health and notices; LS-608x to LS-610x are
the headings of exported tables, LS-611x and LS-612x the words of the page `/docs`.
"""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-6001": Text(
        en="This needs the bearer token of the server: send `Authorization: Bearer <token>`. "
        "The token is in the file that the server named at its first start.",
        zh="需要服务器的访问令牌：请发送 `Authorization: Bearer <token>`。"
        "令牌保存在服务器首次启动时提示的文件中。",
    ),
    "LS-6002": Text(
        en="There is nothing at {path}. The paths are listed in /api/v1/openapi.json.",
        zh="路径 {path} 不存在。全部路径见 /api/v1/openapi.json。",
    ),
    "LS-6003": Text(
        en="{path} does not take {method}. The header `Allow` lists what it takes.",
        zh="{path} 不支持 {method} 方法。支持的方法见响应头 `Allow`。",
    ),
    "LS-6004": Text(
        en="The request cannot be understood; `errors` names each wrong parameter or field.",
        zh="无法理解该请求；`errors` 中列出了每个有误的参数或字段。",
    ),
    "LS-6005": Text(
        en="The server failed at {method} {path}; this is a defect, nothing was changed. Its log "
        "has the details: please report them.",
        zh="服务器处理 {method} {path} 时出错；这是程序缺陷，未做任何更改。"
        "详情见服务器日志，请上报。",
    ),
    "LS-6006": Text(
        en="The database does not answer. Edges keep their data meanwhile; try again in a few "
        "seconds.",
        zh="数据库无响应。期间数据保存在边缘端，不会丢失；请几秒后重试。",
    ),
    "LS-6007": Text(
        en="The database took too long for this. Ask for a shorter time, fewer tags or wider "
        "buckets, or try again later.",
        zh="数据库处理该请求的时间过长。请缩短时间范围、减少测点或加大汇总间隔，或稍后重试。",
    ),
    "LS-6008": Text(
        en="Too many requests wait for the database already. Try again in a few seconds.",
        zh="等待数据库的请求过多。请几秒后重试。",
    ),
    "LS-6009": Text(
        en="The database has no tables of Lineside yet. Run `lineside-server migrate`, or wait "
        "until the server has done it.",
        zh="数据库中尚无 Lineside 的数据表。请运行 `lineside-server migrate`，"
        "或等待服务器完成升级。",
    ),
    "LS-6010": Text(
        en="Not ready: the database does not answer.",
        zh="尚未就绪：数据库无响应。",
    ),
    "LS-6011": Text(
        en="No edge {edge} has ever reported. Check its plant and id; GET /api/v1/edges lists all.",
        zh="从未收到边缘端 {edge} 的数据。请核对工厂和边缘端标识；"
        "GET /api/v1/edges 列出全部边缘端。",
    ),
    "LS-6012": Text(
        en="There is no tag {tag}. GET /api/v1/tags?q=... finds tags by a part of their name.",
        zh="测点 {tag} 不存在。可用 GET /api/v1/tags?q=... 按名称的一部分查找测点。",
    ),
    "LS-6013": Text(
        en="This cursor is not one of this listing. Begin again without it, with the same "
        "parameters on every page.",
        zh="该分页游标不属于此列表。请去掉游标重新开始，且每页使用相同的参数。",
    ),
    "LS-6014": Text(
        en="`from` has to lie before `to`.",
        zh="`from` 必须早于 `to`。",
    ),
    "LS-6015": Text(
        en="That would be more than {limit} buckets in all. Choose wider ones, a shorter time or "
        "fewer tags.",
        zh="汇总点总数将超过 {limit} 个。请加大汇总间隔、缩短时间范围或减少测点。",
    ),
    "LS-6016": Text(
        en="Give either `bucket` or `points`, not both.",
        zh="`bucket` 与 `points` 只能二选一。",
    ),
    "LS-6017": Text(
        en="More than {limit} samples would have to be read for this. Ask for a shorter time or "
        "fewer tags.",
        zh="该请求需要读取的样本超过 {limit} 个。请缩短时间范围或减少测点。",
    ),
    "LS-6018": Text(
        en="There is no gap {gap}. GET /api/v1/gaps lists all.",
        zh="数据缺口 {gap} 不存在。GET /api/v1/gaps 列出全部缺口。",
    ),
    "LS-6019": Text(
        en="The request could not be read. Check its body and headers.",
        zh="无法读取该请求。请检查请求体和请求头。",
    ),
    "LS-6020": Text(
        en="The body of the request is larger than {limit} bytes.",
        zh="请求体超过 {limit} 字节。",
    ),
    "LS-6021": Text(en="is missing", zh="缺失"),
    "LS-6022": Text(en="is not known here; check its spelling", zh="此处没有该参数，请检查拼写"),
    "LS-6023": Text(en="has to be {limit}", zh="必须 {limit}"),
    "LS-6024": Text(en="has the wrong length ({limit})", zh="长度不符（{limit}）"),
    "LS-6025": Text(en="has to be one of {expected}", zh="必须是以下之一：{expected}"),
    "LS-6026": Text(en="has to match {pattern}", zh="必须符合格式 {pattern}"),
    "LS-6027": Text(en="is not valid JSON", zh="不是有效的 JSON"),
    "LS-6028": Text(
        en="has to be a time with a zone from 1970 to 2199, e.g. 2026-03-01T06:00:00+08:00",
        zh="必须是带时区的时间（1970 至 2199 年），例如 2026-03-01T06:00:00+08:00",
    ),
    "LS-6029": Text(en="has to be a whole number", zh="必须是整数"),
    "LS-6030": Text(en="has to be true or false", zh="必须是 true 或 false"),
    "LS-6031": Text(en="has the wrong form", zh="格式有误"),
    "LS-6032": Text(
        en="has to be one line of text without control characters",
        zh="必须是单行文字，不能包含控制字符",
    ),
    "LS-6033": Text(en="must not be blank", zh="不能为空白"),
    "LS-6034": Text(
        en="has to be a tag's name: plant/edge/path",
        zh="必须是测点全名：工厂/边缘端/路径",
    ),
    "LS-6035": Text(
        en="{by} accepted this gap already, at {at}.",
        zh="该缺口已由 {by} 于 {at} 接受。",
    ),
    "LS-6036": Text(
        en="There is no order {order}. GET /api/v1/orders lists all.",
        zh="工单 {order} 不存在。GET /api/v1/orders 列出全部工单。",
    ),
    "LS-6037": Text(
        en="There is no alarm {alarm}. GET /api/v1/alarms/active lists those that need somebody.",
        zh="报警 {alarm} 不存在。GET /api/v1/alarms/active 列出需要处理的报警。",
    ),
    "LS-6038": Text(
        en="In state {state} there is nothing to acknowledge.",
        zh="报警处于状态 {state}，无需确认。",
    ),
    "LS-6039": Text(
        en="Parameter `{name}` is given more than once; give it once.",
        zh="参数 `{name}` 重复出现，请只给出一次。",
    ),
    "LS-6040": Text(en="The broker is connected.", zh="消息代理已连接。"),
    "LS-6041": Text(en="The broker is being connected.", zh="正在连接消息代理。"),
    "LS-6042": Text(
        en="The broker is away. Edges keep their data until it is back; check that it runs and "
        "can be reached.",
        zh="消息代理连接中断。恢复前数据保存在边缘端；请检查其是否运行、网络是否可达。",
    ),
    "LS-6043": Text(
        en="Another process of the server holds the connection to the broker.",
        zh="与消息代理的连接由服务器的另一进程负责。",
    ),
    "LS-6044": Text(
        en="has to be `raw` or a width: a whole number with ms, s, m or h (`500ms`, `10s`, `15m`, "
        "`2h`), or `1d`",
        zh="必须是 `raw` 或汇总间隔：整数加 ms、s、m 或 h"
        "（如 `500ms`、`10s`、`15m`、`2h`），或 `1d`",
    ),
    "LS-6045": Text(
        en="has to be the name of a time zone, e.g. Asia/Shanghai or Europe/Berlin",
        zh="必须是时区名称，例如 Asia/Shanghai 或 Europe/Berlin",
    ),
    "LS-6050": Text(
        en="{by} accepted gap {gap} of {plant}/{edge} ({cause}, from {from}): {reason}",
        zh="{by} 接受了 {plant}/{edge} 的数据缺口 {gap}（{cause}，自 {from} 起）：{reason}",
    ),
    "LS-6070": Text(
        en="A sheet of Excel holds {limit} rows; this would be more. Choose buckets, a "
        "shorter time or fewer tags, or CSV.",
        zh="Excel 工作表最多 {limit} 行，本次导出超出该限制。请选择汇总间隔、缩短时间范围"
        "、减少测点，或导出 CSV。",
    ),
    "LS-6071": Text(
        en="`encoding` and `part` are for CSV; a workbook has a sheet of each part.",
        zh="`encoding` 和 `part` 仅用于 CSV；Excel 文件中各部分分别在不同工作表。",
    ),
    "LS-6072": Text(
        en="As many exports as are allowed at a time run already. Try again when one of "
        "them is done.",
        zh="正在进行的导出已达上限。请等其中一个完成后重试。",
    ),
    "LS-6080": Text(en="Tag", zh="测点"),
    "LS-6081": Text(en="Time", zh="时间"),
    "LS-6082": Text(en="Offset from UTC", zh="与 UTC 的时差"),
    "LS-6083": Text(en="Value", zh="数值"),
    "LS-6084": Text(en="Quality", zh="质量"),
    "LS-6085": Text(en="Quality code", zh="质量代码"),
    "LS-6086": Text(en="Flags", zh="标志"),
    "LS-6087": Text(en="Samples", zh="样本数"),
    "LS-6088": Text(en="Share of good", zh="合格比例"),
    "LS-6089": Text(en="Least", zh="最小值"),
    "LS-6090": Text(en="Greatest", zh="最大值"),
    "LS-6091": Text(en="Mean", zh="平均值"),
    "LS-6092": Text(en="First", zh="首值"),
    "LS-6093": Text(en="Last", zh="末值"),
    "LS-6094": Text(en="Revision", zh="定义版本"),
    "LS-6095": Text(en="Unit", zh="单位"),
    "LS-6096": Text(en="Data type", zh="数据类型"),
    "LS-6097": Text(en="Time zone", zh="时区"),
    "LS-6098": Text(en="Complete to", zh="数据截至"),
    "LS-6099": Text(en="From", zh="开始"),
    "LS-6100": Text(en="To", zh="结束"),
    "LS-6101": Text(en="Cause", zh="原因"),
    "LS-6102": Text(en="Samples lost", zh="丢失样本数"),
    "LS-6103": Text(en="Exact", zh="是否精确"),
    "LS-6104": Text(en="Accepted", zh="是否已接受"),
    "LS-6052": Text(
        en="No edge could run this configuration; `errors` names line and reason of each problem.",
        zh="该配置无法在任何边缘端运行；`errors` 中列出了每个问题的行号和原因。",
    ),
    "LS-6053": Text(
        en="There is no dead letter {letter}. GET /api/v1/dead-letters lists those that are kept.",
        zh="死信 {letter} 不存在。GET /api/v1/dead-letters 列出保留的死信。",
    ),
    "LS-6110": Text(en="Lineside: the HTTP API", zh="Lineside：HTTP 接口"),
    "LS-6111": Text(
        en="Every route of this server, with its parameters and answers.",
        zh="本服务器的全部接口及其参数和返回内容（字段说明为英文）。",
    ),
    "LS-6112": Text(en="In Chinese", zh="英文版"),
    "LS-6113": Text(en="Contents", zh="目录"),
    "LS-6114": Text(en="Parts of requests and answers", zh="请求与返回的数据结构"),
    "LS-6115": Text(en="Needs no token.", zh="无需令牌。"),
    "LS-6116": Text(en="Parameter", zh="参数"),
    "LS-6117": Text(en="Where", zh="位置"),
    "LS-6118": Text(en="Type", zh="类型"),
    "LS-6119": Text(en="Meaning", zh="含义"),
    "LS-6120": Text(en="Answers:", zh="返回："),
    "LS-6121": Text(en="Field", zh="字段"),
    "LS-6122": Text(
        en="* has to be given. The same for programs:", zh="* 为必填项。供程序使用的版本："
    ),
    "LS-6400": Text(en="Bad request", zh="请求有误"),
    "LS-6401": Text(en="Not authorised", zh="未授权"),
    "LS-6404": Text(en="Not found", zh="不存在"),
    "LS-6405": Text(en="Method not allowed", zh="不支持的方法"),
    "LS-6409": Text(en="Conflict", zh="状态冲突"),
    "LS-6413": Text(en="Too large", zh="内容过大"),
    "LS-6422": Text(en="Wrong request", zh="请求无法处理"),
    "LS-6500": Text(en="Defect of the server", zh="服务器内部错误"),
    "LS-6503": Text(en="Not available now", zh="暂时不可用"),
}
