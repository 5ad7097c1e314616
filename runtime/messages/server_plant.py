"""Texts of plant.yaml, its application and refused actions on alarms (codes LS-53xx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-5301": Text(
        en="'{id}' is no id. Use at most 32 lower-case letters, digits, '-' and '_', beginning "
        "with a letter or digit.",
        zh="“{id}” 不是有效的标识。请使用最多 32 个小写字母、数字、“-” 和 “_”，"
        "并以字母或数字开头。",
    ),
    "LS-5302": Text(
        en="'{order}' is no order number. Use 1 to {length} characters without control characters "
        "and without blanks at either end.",
        zh="“{order}” 不是有效的工单号。请使用 1 到 {length} 个字符，不含控制字符，首尾不留空格。",
    ),
    "LS-5303": Text(
        en="'{zone}' is no known time zone. Use an IANA name, e.g. Asia/Shanghai or Europe/Berlin.",
        zh="未知时区 “{zone}”。请使用 IANA 名称，例如 Asia/Shanghai 或 Europe/Berlin。",
    ),
    "LS-5304": Text(
        en="A pulse counter has no modulus: each change of the bit from 0 to 1 is one. Remove "
        "modulus, or choose kind cumulative.",
        zh="脉冲计数没有 modulus：该位每次从 0 变 1 计一件。请删除 modulus，"
        "或将 kind 改为 cumulative。",
    ),
    "LS-5305": Text(
        en="A limit rule has exactly one of high and low. Write two rules for two limits.",
        zh="限值规则必须且只能设置 high 和 low 之一。两个限值请写两条规则。",
    ),
    "LS-5306": Text(
        en="There is no bit {bit}. Bits are numbered from 0 (the least) to 63.",
        zh="不存在第 {bit} 位。位号从 0（最低位）到 63。",
    ),
    "LS-5310": Text(
        en="'{id}' is already used in line {first}. Give each its own.",
        zh="“{id}” 已在第 {first} 行使用。请使用不同的标识。",
    ),
    "LS-5311": Text(
        en="The tag {tag} is already a counter (line {first}): every piece would count twice. "
        "Remove one of the two.",
        zh="标签 {tag} 已作为计数器使用（第 {first} 行），每件产品会被计两次。请删除其中一个。",
    ),
    "LS-5312": Text(
        en="There is no line '{id}'. Known lines: {known}.",
        zh="不存在产线 “{id}”。已有产线：{known}。",
    ),
    "LS-5313": Text(
        en="There is no equipment '{id}'. Known equipment: {known}.",
        zh="不存在设备 “{id}”。已有设备：{known}。",
    ),
    "LS-5320": Text(
        en="These orders already have production and cannot be removed: {orders}. Keep them in the "
        "file, or close or cancel them instead.",
        zh="以下工单已有产量，不能删除：{orders}。请在文件中保留，或改为关闭或取消。",
    ),
    "LS-5321": Text(
        en="These orders belong to another plant: {orders}. An order number is one in all plants "
        "of a server; take others, or check that this is the right file.",
        zh="以下工单属于其他工厂：{orders}。同一服务器的所有工厂中工单号必须唯一；"
        "请改用其他工单号，或确认文件是否正确。",
    ),
    "LS-5330": Text(en="added: {what} {id}", zh="新增：{what} {id}"),
    "LS-5331": Text(en="changed: {what} {id} ({fields})", zh="修改：{what} {id}（{fields}）"),
    "LS-5332": Text(en="removed: {what} {id}", zh="删除：{what} {id}"),
    "LS-5340": Text(en="plant", zh="工厂"),
    "LS-5341": Text(en="line", zh="产线"),
    "LS-5342": Text(en="equipment", zh="设备"),
    "LS-5343": Text(en="counter", zh="计数器"),
    "LS-5344": Text(en="alarm rule", zh="报警规则"),
    "LS-5345": Text(en="order", zh="工单"),
    "LS-5360": Text(
        en="'{event}' is not possible now (state {state}): somebody may have been faster. Look at "
        "the alarm again.",
        zh="当前（状态 {state}）不能执行 “{event}”，可能已有人处理。请刷新后查看该报警。",
    ),
    "LS-5361": Text(
        en="The shelf has not ended yet (it ends at {until_us} µs). Unshelve the alarm instead.",
        zh="搁置尚未到期（到期时间 {until_us} 微秒）。请改为手动取消搁置。",
    ),
    "LS-5362": Text(
        en="Shelving needs a reason, a person and an end. Fill in all three.",
        zh="搁置报警必须填写原因、责任人和截止时间。请补全这三项。",
    ),
    "LS-5363": Text(
        en="A shelf ends in the future, at most {days} days from now. Take the alarm out of "
        "service if it is to be silent for longer.",
        zh="搁置的截止时间必须晚于现在，且不超过 {days} 天。如需更长时间，请将报警停用。",
    ),
    "LS-5364": Text(
        en="There is no alarm '{alarm}'. Its rule may have changed; look at the list again.",
        zh="不存在报警 “{alarm}”。其规则可能已更改，请刷新列表。",
    ),
    "LS-5365": Text(
        en="'{event}' follows from readings and is nobody's to do.",
        zh="“{event}” 由采集数据决定，不能手动执行。",
    ),
}
