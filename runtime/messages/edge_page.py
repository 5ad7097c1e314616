"""Texts of the edge agent's own page (codes LS-48xx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-4850": Text(
        en="Scan",
        zh="扫码",
    ),
    "LS-4851": Text(
        en="Scan now, or type and press Enter.",
        zh="请扫码，或输入后按回车。",
    ),
    "LS-4852": Text(
        en="Code",
        zh="条码",
    ),
    "LS-4853": Text(
        en="Keep",
        zh="提交",
    ),
    "LS-4854": Text(
        en="State of this computer",
        zh="本机状态",
    ),
    "LS-4855": Text(
        en="being sent",
        zh="正在提交",
    ),
    "LS-4856": Text(
        en="The agent does not answer. The scans wait in this browser and are sent again; keep "
        "this page open.",
        zh="代理无应答。扫码暂存在本浏览器中，将自动重新提交；请勿关闭本页面。",
    ),
    "LS-4857": Text(
        en="What is scanned here goes to the server as an event; nothing is written to a PLC.",
        zh="此处扫描的内容作为事件发往服务器，不会写入任何 PLC。",
    ),
    "LS-4860": Text(
        en="kept",
        zh="已保存",
    ),
    "LS-4861": Text(
        en="kept before; it counts once",
        zh="先前已保存，只计一次",
    ),
    "LS-4862": Text(
        en="same code again so soon; it counts once",
        zh="短时间内重复扫码，只计一次",
    ),
    "LS-4863": Text(
        en="NOT kept: it fits no pattern of this device. Is it the right code?",
        zh="未保存：不符合该设备的任何格式。请确认条码是否正确。",
    ),
    "LS-4864": Text(
        en="NOT kept: the prefix or suffix is missing. Is the reader set up as configured?",
        zh="未保存：缺少前缀或后缀。请检查扫码器设置是否与配置一致。",
    ),
    "LS-4865": Text(
        en="NOT kept: it is longer than the device allows.",
        zh="未保存：超过该设备允许的长度。",
    ),
    "LS-4866": Text(
        en="NOT kept: it has characters that the configured encoding does not have.",
        zh="未保存：含有所配置编码之外的字符。",
    ),
    "LS-4867": Text(
        en="NOT kept: this agent has no such device.",
        zh="未保存：本代理没有此设备。",
    ),
    "LS-4868": Text(
        en="not kept yet: too many scans at once; it is tried again",
        zh="尚未保存：扫码过快，将自动重试",
    ),
    "LS-4869": Text(
        en="not kept yet: the agent is just starting; it is tried again",
        zh="尚未保存：代理正在启动，将自动重试",
    ),
    "LS-4870": Text(
        en="not kept yet: the disk of this computer takes nothing; it is tried again",
        zh="尚未保存：本机磁盘无法写入，将自动重试",
    ),
    "LS-4871": Text(
        en="This page is older than the running agent. Press Enter once more.",
        zh="本页面早于当前运行的代理，请再按一次回车。",
    ),
    "LS-4872": Text(
        en="NOT kept: it did not come from this agent's own page.",
        zh="未保存：请求不是来自本代理自己的页面。",
    ),
    "LS-4873": Text(
        en="NOT kept: the request cannot be read.",
        zh="未保存：请求无法读取。",
    ),
}
