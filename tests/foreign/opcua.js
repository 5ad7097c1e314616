// An OPC UA server of another make, node-opcua. Says {"ready": {...}} on standard output; takes
// {"set": [name, value]}, {"remove": name} and {"log": true} on standard input.
"use strict";
const readline = require("node:readline");
const { OPCUAServer } = require("node-opcua-server");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const { MessageSecurityMode, SecurityPolicy } = require("node-opcua-secure-channel");
const { DataType, Variant, VariantArrayType } = require("node-opcua-variant");
const { StatusCodes } = require("node-opcua-status-code");
const { nodesets } = require("node-opcua-nodesets");

const told = JSON.parse(process.argv[2]);
const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");
const log = {};

// Values as another make of server writes them on the wire.
const values = {
    bool: [DataType.Boolean, true],
    i8: [DataType.SByte, -128],
    u8: [DataType.Byte, 255],
    i16: [DataType.Int16, -32768],
    u16: [DataType.UInt16, 65535],
    i32: [DataType.Int32, -2147483648],
    u32: [DataType.UInt32, 4294967295],
    i64: [DataType.Int64, [0x80000000, 0]],
    u64: [DataType.UInt64, [0xffffffff, 0xffffffff]],
    f32: [DataType.Float, 21.5],
    f64: [DataType.Double, 0.1],
    nan: [DataType.Double, NaN],
    str: [DataType.String, "订单 A-17"],
    time: [DataType.DateTime, new Date(Date.UTC(2026, 1, 3, 4, 5, 6, 789))],
};

async function main() {
    const policies = told.policies.map((name) => SecurityPolicy[name]);
    const secure = told.policies.some((name) => name !== "None");
    const manager = new OPCUACertificateManager({
        rootFolder: told.pki,
        automaticallyAcceptUnknownCertificate: told.trust,
    });
    await manager.initialize();
    const server = new OPCUAServer({
        port: told.port,
        host: "127.0.0.1",
        hostname: "127.0.0.1",
        resourcePath: "/machine",
        serverInfo: { applicationUri: told.uri },
        buildInfo: { productName: "foreign", manufacturerName: "another" },
        nodeset_filename: [nodesets.standard],
        certificateFile: told.certificate,
        privateKeyFile: told.key,
        serverCertificateManager: manager,
        userCertificateManager: manager,
        securityPolicies: policies,
        securityModes: secure
            ? [MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt]
            : [MessageSecurityMode.None],
        allowAnonymous: true,
        registerServerMethod: 1,
        userManager: { isValidUser: (name, password) => name === "line" && password === "s3cret" },
        serverCapabilities: {
            maxSessions: 20,
            operationLimits: {
                maxNodesPerRead: told.most,
                maxMonitoredItemsPerCall: told.most,
            },
        },
    });
    await server.initialize();
    const space = server.engine.addressSpace;
    const names = space.getOwnNamespace();
    const held = {};
    const add = (name, dataType, value, more = {}) => {
        held[name] = new Variant({ dataType, value, arrayType: VariantArrayType.Scalar, ...more });
        return names.addVariable({
            organizedBy: space.rootFolder.objects,
            browseName: name,
            nodeId: `s=${name}`,
            dataType: DataType[dataType],
            valueRank: more.arrayType === undefined ? -1 : 1,
            minimumSamplingInterval: 10,
            value: { get: () => held[name], set: () => StatusCodes.BadUserAccessDenied },
        });
    };
    for (const [name, [dataType, value]] of Object.entries(values)) add(name, dataType, value);
    add("row", DataType.Int32, new Int32Array([7, 8, 9]), { arrayType: VariantArrayType.Array });
    for (let n = 0; n < told.many; n += 1) add(`n${n}`, DataType.Int32, n);
    server.on("request", (request) => {
        const name = request.constructor.name;
        log[name] = (log[name] || 0) + 1;
    });
    await server.start();
    say({ ready: { namespace: names.index, uri: names.namespaceUri } });

    readline.createInterface({ input: process.stdin }).on("line", (line) => {
        const wanted = JSON.parse(line);
        if (wanted.set) {
            const [name, value] = wanted.set;
            held[name] = new Variant({ dataType: held[name].dataType, value });
        }
        if (wanted.remove) space.deleteNode(space.findNode(`ns=${names.index};s=${wanted.remove}`));
        if (wanted.log) say({ log });
    }).on("close", () => process.exit(0));
}

main().catch((error) => {
    say({ failed: String(error && error.stack) });
    process.exit(1);
});
