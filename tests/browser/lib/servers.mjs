// The processes of a scenario: redis-server and `quarterdeck demo`, on free ports of the loopback, ended by their process ids.

import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

import { Redis } from './redis.mjs';
import { waitFor } from './wait.mjs';

const READY_LINE = 'quarterdeck ready ';
const READY_LIMIT = 60_000;
const STOP_LIMIT = 8_000;

export async function freePort() {
  const server = net.createServer();
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A child whose output goes to a file, and which can be ended politely and then not. */
export class Child {
  static start(program, args, { log, env = {}, cwd, stdio = [], onLine } = {}) {
    const child = new Child();
    child.name = path.basename(program);
    child.exit = null;
    child.process = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe', ...stdio] });
    const file = createWriteStream(log, { flags: 'a' });
    let rest = '';
    child.tail = [];
    const take = (data) => {
      file.write(data);
      rest += data;
      const lines = rest.split('\n');
      rest = lines.pop();
      for (const line of lines) {
        child.tail.push(line);
        if (child.tail.length > 40) child.tail.shift();
        onLine?.(line);
      }
    };
    child.process.stdout.setEncoding('utf8').on('data', take);
    child.process.stderr.setEncoding('utf8').on('data', take);
    child.ended = new Promise((resolve) => {
      const end = (reason) => {
        child.exit ??= reason;
        file.end();
        resolve(child.exit);
      };
      child.process.once('error', (error) => end(error.message));
      child.process.once('close', (code, signal) => end(signal ?? code));
    });
    return child;
  }

  get pid() {
    return this.process.pid;
  }

  signal(name) {
    this.process.kill(name);
  }

  /** Ends it and gives its exit code or signal. */
  async stop(signal = 'SIGTERM') {
    if (this.exit === null) {
      this.process.kill(signal);
      const timer = setTimeout(() => {
        console.log(`  closing: ${this.name} (${this.pid}) did not end within ${STOP_LIMIT / 1000} s, killed`);
        this.process.kill('SIGKILL');
      }, STOP_LIMIT);
      await this.ended;
      clearTimeout(timer);
    }
    return this.exit;
  }
}

class RedisServer {
  /** `redis-server` with nothing on disk; `start` again after `kill` gives an empty one on the same port. */
  constructor(folder, port) {
    this.folder = folder;
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
  }

  async start() {
    this.data ??= await mkdtemp(path.join(os.tmpdir(), 'qd-redis-'));
    const args = ['--port', this.port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.data, '--daemonize', 'no'];
    this.child = Child.start('redis-server', args.map(String), { log: path.join(this.folder, 'redis.log') });
    await waitFor(async () => {
      const client = await Redis.connect(this.port);
      client.close();
      return true;
    }, { what: 'redis-server' });
  }

  async kill() {
    await this.child.stop('SIGKILL');
  }

  async client() {
    return Redis.connect(this.port);
  }

  async close() {
    await this.child?.stop();
    if (this.data) await rm(this.data, { recursive: true, force: true });
  }
}

export async function startRedis(folder) {
  const redis = new RedisServer(folder, await freePort());
  await redis.start();
  return redis;
}

class Server {
  constructor(child, url) {
    this.child = child;
    this.url = url;
  }

  async close() {
    const exit = await this.child.stop();
    if (exit !== 0) console.log(`  note  the server ended with ${exit}`);
  }
}

/** The release build's server; `redis` is a Redis URL, without it the bus is the embedded one. */
export async function startServer(folder, { redis, args = [], env = {}, port = 0, appDir = required('QD_E2E_APP_DIR') } = {}) {
  const program = required('QD_E2E_SERVER');
  const all = ['demo', '--port', String(port), '--app-dir', appDir, ...(redis ? ['--redis', redis] : []), ...args];
  let url;
  const child = Child.start(program, all, {
    env,
    log: path.join(folder, 'server.log'),
    onLine: (line) => {
      if (!url && line.startsWith(READY_LINE)) url = line.slice(READY_LINE.length).trim();
    },
  });
  try {
    await waitFor(() => url || child.exit !== null, { limit: READY_LIMIT, what: 'the line "quarterdeck ready"' });
  } catch (error) {
    await child.stop();
    throw error;
  }
  if (!url) throw new Error(`the server ended with ${child.exit}:\n${child.tail.join('\n')}`);
  return new Server(child, url.replace(/\/$/, ''));
}

export function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run this through \`cargo xtask test\``);
  return value;
}
