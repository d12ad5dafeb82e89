// A Redis client of one connection, as small as RESP2 allows: what another producer would do from outside.

import net from 'node:net';

export class Redis {
  #socket;
  #waiting = [];
  #buffer = Buffer.alloc(0);

  static async connect(port, host = '127.0.0.1') {
    const client = new Redis();
    client.#socket = net.connect(port, host);
    client.#socket.setNoDelay(true);
    client.#socket.on('data', (data) => client.#take(data));
    const lost = (error) => {
      for (const { reject } of client.#waiting.splice(0)) reject(error ?? new Error('redis closed the connection'));
    };
    client.#socket.on('close', () => lost());
    await new Promise((resolve, reject) => {
      client.#socket.once('connect', resolve);
      client.#socket.once('error', reject);
    });
    client.#socket.on('error', lost);
    await client.send('PING');
    return client;
  }

  /** Sends one command and gives its answer: text, number, null or a list of these. */
  async send(...parts) {
    const texts = parts.map((part) => Buffer.from(String(part)));
    const head = Buffer.from(`*${texts.length}\r\n`);
    const body = texts.flatMap((text) => [Buffer.from(`$${text.length}\r\n`), text, Buffer.from('\r\n')]);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(Buffer.concat([head, ...body]));
    });
  }

  /** Publishes a value as JSON and gives the number of subscribers. */
  async publish(channel, message) {
    return this.send('PUBLISH', channel, typeof message === 'string' ? message : JSON.stringify(message));
  }

  close() {
    this.#socket.destroy();
  }

  #take(data) {
    this.#buffer = Buffer.concat([this.#buffer, data]);
    for (;;) {
      const found = parse(this.#buffer, 0);
      if (!found) return;
      this.#buffer = this.#buffer.subarray(found.end);
      const waiting = this.#waiting.shift();
      if (found.value instanceof Error) waiting?.reject(found.value);
      else waiting?.resolve(found.value);
    }
  }
}

/** One answer from `at`, or nothing while it is not complete. */
function parse(buffer, at) {
  const line = buffer.indexOf('\r\n', at);
  if (line < 0) return undefined;
  const kind = String.fromCharCode(buffer[at]);
  const text = buffer.toString('utf8', at + 1, line);
  let end = line + 2;
  if (kind === '+') return { value: text, end };
  if (kind === '-') return { value: new Error(text), end };
  if (kind === ':') return { value: Number(text), end };
  const length = Number(text);
  if (length < 0) return { value: null, end };
  if (kind === '$') {
    if (buffer.length < end + length + 2) return undefined;
    return { value: buffer.toString('utf8', end, end + length), end: end + length + 2 };
  }
  const list = [];
  for (let index = 0; index < length; index += 1) {
    const found = parse(buffer, end);
    if (!found) return undefined;
    list.push(found.value);
    end = found.end;
  }
  return { value: list, end };
}
