// Calls from TypeScript to an echo of a string, by one kind of RPC. One line of JSON, with the members of pingpong.c.
//
//     node typescript.mjs --kind=KIND [--threads=workers|logical --device=PATH] [--tree=DIR] [--calls=2000] [--warmup=1000] [--size=256]
//
// The echo is in another process, or for kinds of this process in a Worker; with `local` in another Binder process of this
// one. `--tree` names another tree, whose dist/ is measured.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, MessageChannel, Worker, workerData } from 'node:worker_threads';

const here = fileURLToPath(import.meta.url);
const { values } = parseArgs({
  options: {
    kind: { type: 'string' },
    threads: { type: 'string' },
    device: { type: 'string' },
    tree: { type: 'string', default: fileURLToPath(new URL('../..', import.meta.url)) },
    serve: { type: 'string' },
    calls: { type: 'string', default: '2000' },
    warmup: { type: 'string', default: '1000' },
    size: { type: 'string', default: '256' },
  },
});

/** A module of ours, from the tree that is measured. */
const ours = (module) => import(pathToFileURL(`${values.tree}/dist/${module}`).href);

const IECHO = {
  format: 1,
  methods: { echo: { code: 1, args: [['text', 'String']], returns: 'String' } },
};

/** A process of this program that serves, once it has said that it is ready. */
async function startServer(address) {
  const server = fork(here, [`--kind=${values.kind}`, `--serve=${address}`, ...otherOptions()]);
  server.on('exit', (code) => {
    if (code) throw new Error(`The server ended with code ${code}`);
  });
  await once(server, 'message');
  return server;
}

function otherOptions() {
  return ['threads', 'device', 'tree'].flatMap((name) =>
    values[name] === undefined ? [] : [`--${name}=${values[name]}`],
  );
}

/** A Worker of this program that serves the port. */
function startWorker() {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(here, {
    workerData: port2,
    transferList: [port2],
    argv: [`--kind=${values.kind}`, `--tree=${values.tree}`],
  });
  return { port: port1, stop: () => worker.terminate() };
}

/**
 * By kind: `serve` what runs on the other side, with the port or the address, and `connect` the call, and what ends it.
 */
const KINDS = {
  'process.send': {
    serve: () => process.on('message', (text) => process.send(text)),
    async connect() {
      const server = await startServer('ipc');
      let resolve;
      server.on('message', (text) => resolve(text));
      const call = (text) =>
        new Promise((done) => {
          resolve = done;
          server.send(text);
        });
      return { call, stop: () => server.disconnect() };
    },
  },
  MessagePort: {
    serve: (port) => port.on('message', (text) => port.postMessage(text)),
    async connect() {
      const { port, stop } = startWorker();
      let resolve;
      port.on('message', (text) => resolve(text));
      const call = (text) =>
        new Promise((done) => {
          resolve = done;
          port.postMessage(text);
        });
      return { call, stop };
    },
  },
  Comlink: {
    async serve(port) {
      const { expose } = await import('comlink');
      const { default: nodeEndpoint } = await import('comlink/dist/esm/node-adapter.mjs');
      expose({ echo: (text) => text }, nodeEndpoint(port));
    },
    async connect() {
      const { wrap } = await import('comlink');
      const { default: nodeEndpoint } = await import('comlink/dist/esm/node-adapter.mjs');
      const { port, stop } = startWorker();
      const echo = wrap(nodeEndpoint(port));
      return { call: (text) => echo.echo(text), stop };
    },
  },
  'Cap’n Web': {
    async serve(port) {
      const { newMessagePortRpcSession, RpcTarget } = await import('capnweb');
      class Echo extends RpcTarget {
        echo(text) {
          return text;
        }
      }
      newMessagePortRpcSession(port, new Echo());
    },
    async connect() {
      const { newMessagePortRpcSession } = await import('capnweb');
      const { port, stop } = startWorker();
      const echo = newMessagePortRpcSession(port);
      return { call: (text) => echo.echo(text), stop };
    },
  },
  'grpc-js': {
    async serve(address) {
      const grpc = await import('@grpc/grpc-js');
      const server = new grpc.Server();
      server.addService(GRPC_ECHO, { echo: ({ request }, done) => done(null, request) });
      await new Promise((resolve, reject) =>
        server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error) =>
          error ? reject(error) : resolve(),
        ),
      );
      process.once('disconnect', () => process.exit());
    },
    async connect() {
      const grpc = await import('@grpc/grpc-js');
      const directory = mkdtempSync(`${tmpdir()}/ubinder-bench-grpc-`);
      const address = `unix:${directory}/socket`;
      const server = await startServer(address);
      const Client = grpc.makeGenericClientConstructor(GRPC_ECHO, 'Echo');
      const client = new Client(address, grpc.credentials.createInsecure());
      const call = (text) =>
        new Promise((resolve, reject) =>
          client.echo(text, (error, answer) => (error ? reject(error) : resolve(answer))),
        );
      const stop = () => {
        client.close();
        server.disconnect();
        rmSync(directory, { recursive: true });
      };
      return { call, stop };
    },
  },
  'dbus-next': {
    async serve(busAddress) {
      const dbus = (await import('dbus-next')).default;
      const bus = dbus.sessionBus({ busAddress });
      class Echo extends dbus.interface.Interface {
        echo(text) {
          return text;
        }
      }
      Echo.configureMembers({ methods: { echo: { inSignature: 's', outSignature: 's' } } });
      bus.export('/echo', new Echo('bench.Echo'));
      await bus.requestName('bench.Echo', 0);
      process.once('disconnect', () => process.exit());
    },
    async connect() {
      const dbus = (await import('dbus-next')).default;
      const daemon = spawn('dbus-daemon', ['--session', '--nofork', '--print-address'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [line] = await once(daemon.stdout, 'data');
      const busAddress = `${line}`.trim();
      const server = await startServer(busAddress);
      const bus = dbus.sessionBus({ busAddress });
      const object = await bus.getProxyObject('bench.Echo', '/echo');
      const echo = object.getInterface('bench.Echo');
      const stop = () => {
        bus.disconnect();
        server.disconnect();
        daemon.kill();
      };
      return { call: (text) => echo.echo(text), stop };
    },
  },
  'ubinder/local': {
    async connect() {
      const { LocalDriver } = await ours('binder/connections/local-driver.js');
      const { defineInterface } = await ours('binder/runtime/index.js');
      const IEcho = defineInterface('bench.IEcho', IECHO);
      const driver = new LocalDriver();
      const [server, client] = [driver.connect(), driver.connect()];
      await server.becomeContextManager(IEcho.implement({ echo: (text) => text }));
      const echo = IEcho.fromBinder(client.contextManager());
      return { call: (text) => echo.echo(text), stop: () => driver.close() };
    },
  },
  'ubinder/port': {
    async serve(port) {
      const { connectPort } = await ours('binder/connections/port.js');
      const { defineInterface } = await ours('binder/runtime/index.js');
      const IEcho = defineInterface('bench.IEcho', IECHO);
      const server = await connectPort(port);
      await server.becomeContextManager(IEcho.implement({ echo: (text) => text }));
    },
    async connect() {
      const { LocalDriver } = await ours('binder/connections/local-driver.js');
      const { defineInterface } = await ours('binder/runtime/index.js');
      const IEcho = defineInterface('bench.IEcho', IECHO);
      const driver = new LocalDriver();
      const { port, stop } = startWorker();
      driver.serve(port);
      const client = driver.connect();
      const echo = IEcho.fromBinder(client.contextManager());
      while (
        !(await echo.echo('').then(
          () => true,
          () => false,
        ))
      )
        await new Promise((go) => setTimeout(go, 5));
      return {
        call: (text) => echo.echo(text),
        stop: () => {
          driver.close();
          return stop();
        },
      };
    },
  },
  ubinder: {
    async serve(device) {
      const { connect, defineInterface } = await ours('binder/node/index.js');
      const IEcho = defineInterface('bench.IEcho', IECHO);
      const server = await connect({ device, threads: values.threads });
      await server.becomeContextManager(IEcho.implement({ echo: (text) => text }));
      process.once('disconnect', () => process.exit());
    },
    async connect() {
      const { connect, defineInterface } = await ours('binder/node/index.js');
      const IEcho = defineInterface('bench.IEcho', IECHO);
      const server = await startServer(values.device);
      const client = await connect({ device: values.device, threads: values.threads });
      const echo = IEcho.fromBinder(client.contextManager());
      const stop = () => {
        client.close();
        server.disconnect();
      };
      return { call: (text) => echo.echo(text), stop };
    },
  },
};

/** A service as protoc would describe it, with strings for messages: their encoding is not what is measured. */
const GRPC_ECHO = {
  echo: {
    path: '/bench.Echo/echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: (text) => Buffer.from(text),
    requestDeserialize: (bytes) => bytes.toString(),
    responseSerialize: (text) => Buffer.from(text),
    responseDeserialize: (bytes) => bytes.toString(),
  },
};

const kind = KINDS[values.kind];
if (!kind) throw new Error(`Cannot measure ${values.kind}: known are ${Object.keys(KINDS).join(', ')}`);
if (!isMainThread) {
  await kind.serve(workerData);
} else if (values.serve !== undefined) {
  await kind.serve(values.serve);
  process.send('ready');
} else {
  const [calls, warmup, size] = [values.calls, values.warmup, values.size].map(Number);
  const { call, stop } = await kind.connect();
  const text = 'x'.repeat(size);
  for (let i = 0; i < warmup; i++) await call(text);
  const times = new Float64Array(calls);
  const start = performance.now();
  for (let i = 0; i < calls; i++) {
    const sent = performance.now();
    const answer = await call(text);
    times[i] = performance.now() - sent;
    if (answer !== text) throw new Error(`Another answer came: ${answer}`);
  }
  const took = performance.now() - start;
  await stop();
  times.sort();
  const line = {
    bench: values.kind,
    size,
    calls,
    p50_us: times[Math.floor(calls / 2)] * 1000,
    p99_us: times[calls - 1 - Math.floor(calls / 100)] * 1000,
    calls_per_second: (calls * 1000) / took,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`, () => process.exit());
}
