"""Texts of chaos (codes LS-82xx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {
    "LS-8201": Text(
        en="The system was not whole again within {limit_s} s: {missing}. Look into the logs in "
        "the run's folder, or give more time with --bound.",
        zh="系统未能在 {limit_s} 秒内恢复：{missing}。请查看运行目录中的日志，"
        "或用 --bound 放宽时限。",
    ),
    "LS-8202": Text(
        en="{folder} holds no run to go on with ({reason}). Give the folder that an interrupted "
        "run named.",
        zh="{folder} 中没有可继续的运行（{reason}）。请给出中断时显示的目录。",
    ),
    "LS-8203": Text(
        en="The batches at the server count {batches} readings, the table has {rows}. Look into "
        "the failure's folder.",
        zh="服务器的批次共计 {batches} 个读数，而表中有 {rows} 个。请查看失败目录。",
    ),
    "LS-8204": Text(
        en="This PostgreSQL has no TimescaleDB. Name one that has in LINESIDE_POSTGRES_HOME, or "
        "take --database plain.",
        zh="此 PostgreSQL 没有 TimescaleDB。请用 LINESIDE_POSTGRES_HOME 指定带有它的安装，"
        "或使用 --database plain。",
    ),
    "LS-8205": Text(
        en="{folder} already holds a run. Go on with it by --resume, or name another folder.",
        zh="{folder} 中已有一次运行。请用 --resume 继续，或指定其他目录。",
    ),
    "LS-8206": Text(
        en="The fault {fault} is not possible here: {reason}. It is skipped and counted.",
        zh="此处无法制造故障 {fault}：{reason}。将跳过并计数。",
    ),
    "LS-8210": Text(
        en="Seed {seed}; everything is kept in {folder} while it runs.",
        zh="种子 {seed}；运行期间全部数据保存在 {folder}。",
    ),
    "LS-8211": Text(
        en="{cycle}/{cycles}  {deeds}; whole again after {healed} s, {took} s in all",
        zh="{cycle}/{cycles}  {deeds}；{healed} 秒后恢复，共 {took} 秒",
    ),
    "LS-8212": Text(
        en="Interrupted. To go on: {command}",
        zh="已中断。继续运行：{command}",
    ),
    "LS-8213": Text(
        en="It does NOT hold. Logs and both databases are in {folder}. To repeat it: {command}",
        zh="未通过。日志和两侧数据库在 {folder}。重现：{command}",
    ),
    "LS-8220": Text(
        en="Breaks a whole system on this machine again and again (processes, links, disks, "
        "clocks, buffers) and compares what is left with what the simulated machines really made.",
        zh="在本机反复破坏整个系统（进程、链路、磁盘、时钟、缓冲），并与模拟设备的实际产量核对。",
    ),
    "LS-8221": Text(en="So many cycles (default 15).", zh="循环次数（默认 15）。"),
    "LS-8222": Text(
        en="What strikes when follows from it alone; default: a new one, which is printed.",
        zh="故障的种类和时间完全由它决定；默认取新值并显示。",
    ),
    "LS-8223": Text(
        en="Go on with an interrupted run, up to --cycles in all.",
        zh="继续中断的运行，直到总数达到 --cycles。",
    ),
    "LS-8224": Text(
        en="Keep everything in this folder, also where it held.",
        zh="将全部数据保留在此目录，即使通过。",
    ),
    "LS-8225": Text(
        en="auto: TimescaleDB where LINESIDE_POSTGRES_HOME brings it, else plain PostgreSQL.",
        zh="auto：LINESIDE_POSTGRES_HOME 带有 TimescaleDB 则使用，否则为普通 PostgreSQL。",
    ),
    "LS-8226": Text(
        en="Only these faults, by name, with commas between them.",
        zh="只用这些故障（名称，以逗号分隔）。",
    ),
    "LS-8227": Text(
        en="Seconds within which everything must be whole again after a cycle (default 90).",
        zh="每个循环之后必须在多少秒内恢复（默认 90）。",
    ),
    "LS-8228": Text(
        en="no such fault: {unknown}. There are: {known}",
        zh="没有这种故障：{unknown}。可用：{known}",
    ),
    "LS-8229": Text(
        en="--cycles takes a number from 1, --bound seconds above 0, --compare-every, --soak and "
        "--rate nothing below 0.",
        zh="--cycles 至少为 1，--bound 须大于 0 秒，--compare-every、--soak 和 --rate 不能为负。",
    ),
    "LS-8230": Text(
        en="--resume goes on as it began: without --seed, --keep, --only and --rate.",
        zh="--resume 按原设置继续：不能同时给出 --seed、--keep、--only 和 --rate。",
    ),
    "LS-8231": Text(
        en="No faults: run so many minutes and sample memory, open files, disk and lag of every "
        "program into soak.csv in the run's folder.",
        zh="不制造故障：运行这么多分钟，采样各程序的内存、打开的文件、磁盘和滞后，"
        "写入运行目录的 soak.csv。",
    ),
    "LS-8232": Text(
        en="Compare also after every N cycles, with the machines paused for it, and end where it "
        "does not agree (default: 25 in runs of more than 50 cycles, else only at the end: 0).",
        zh="每 N 个循环也核对一次（期间设备暂停），不一致即结束"
        "（默认：超过 50 个循环时为 25，否则只在结束时核对：0）。",
    ),
    "LS-8233": Text(
        en="Readings a second: the simulated machines get so many further tags (default: what they "
        "have anyway, about 95); what a soak has beyond 1,000 a second, a third edge reads.",
        zh="每秒读数个数：模拟设备相应增加测点（默认为其自身测点，约 95）；"
        "长时间运行中超过每秒 1,000 的部分由第三个代理读取。",
    ),
    "LS-8236": Text(
        en="--rate above {most} goes only with --soak: its further readings are not broken.",
        zh="--rate 超过 {most} 时只能与 --soak 一起使用：多出的读数不参与故障。",
    ),
    "LS-8214": Text(
        en="compared after cycle {cycle}: {readings} readings, {took} s",
        zh="第 {cycle} 个循环后已核对：{readings} 个读数，用时 {took} 秒",
    ),
    "LS-8215": Text(
        en="The agent of {edge} was not ready for the fault within {limit_s} s. See its log.",
        zh="{edge} 的代理在 {limit_s} 秒内未就绪，无法执行该故障。请查看其日志。",
    ),
    "LS-8216": Text(
        en="The comparison ended with an error ({last}). See {log}; then continue the run.",
        zh="核对因错误而终止（{last}）。请查看 {log}，然后继续运行。",
    ),
    "LS-8234": Text(
        en="Compares a run of chaos that is over with the truth once more, as it lies in its "
        "folder; what came out is printed as JSON.",
        zh="将已结束的混沌测试运行（按其目录中的现状）再次与真实情况核对；结果以 JSON 输出。",
    ),
    "LS-8235": Text(
        en="the run's folder (of --keep, or the one named after a failure)",
        zh="运行目录（--keep 所指，或失败后给出的目录）",
    ),
}
