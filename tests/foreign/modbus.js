// Modbus servers of two other makes: modbus-serial over TCP, jsmodbus with RTU frames over TCP.
// Says {"ready": ...} on standard output; on standard input {"log": true} asks what was requested.
"use strict";
const net = require("node:net");
const readline = require("node:readline");
const { ServerTCP } = require("modbus-serial");
const jsmodbus = require("jsmodbus");

const told = JSON.parse(process.argv[2]);
const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");
const log = { reads: 0, writes: 0 };

const missing = () => Object.assign(new Error("illegal data address"), { modbusErrorCode: 2 });
const word = (base) => (address, unit) => {
    log.reads += 1;
    if (unit === 9) return new Promise(() => {}); // a unit that never answers
    if (address >= 1000 && address < 2000) throw missing();
    return (base + address + 256 * unit) & 0xffff;
};
const bit = (odd) => (address, unit) => {
    log.reads += 1;
    if (address >= 1000) throw missing();
    return (address + unit) % 3 === (odd ? 1 : 0);
};
const change = () => {
    log.writes += 1;
};
const vector = {
    getCoil: bit(false),
    getDiscreteInput: bit(true),
    getHoldingRegister: word(0),
    getInputRegister: word(0x4000),
    setRegister: change,
    setCoil: change,
    setRegisterArray: change,
};
const tcp = new ServerTCP(vector, { host: "127.0.0.1", port: told.port });
tcp.on("socketError", () => {});
tcp.on("serverError", (error) => say({ failed: String(error) }));

const image = Buffer.alloc(2048);
for (let n = 0; n < 1024; n += 1) image.writeUInt16BE((0x0101 * n) & 0xffff, 2 * n);
image.writeFloatBE(21.5, 200);
const bits = Buffer.from(Array.from({ length: 128 }, (_, n) => (n * 37) & 0xff));
const rtu = net.createServer((socket) => {
    socket.on("error", () => {});
    const server = new jsmodbus.ModbusRTUServer(socket, {
        holding: image,
        input: image,
        coils: bits,
        discrete: bits,
    });
    for (const kind of ["WriteSingleCoil", "WriteSingleRegister", "WriteMultipleRegisters"]) {
        server.on(`pre${kind}`, change);
    }
});
rtu.listen(0, "127.0.0.1", () => say({ ready: { tcp: told.port, rtu: rtu.address().port } }));

readline.createInterface({ input: process.stdin }).on("line", (line) => {
    if (JSON.parse(line).log) say({ log });
}).on("close", () => process.exit(0));
