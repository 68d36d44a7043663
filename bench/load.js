/**
 * The load, in a process of its own, started by run.js: connections that stay open, each with one
 * request under way at a time (a closed loop).
 *
 * It speaks HTTP over bare sockets, because a client that does more would be what is measured.
 */
import { once } from 'node:events';
import { connect } from 'node:net';

process.on('message', async (job) => {
  process.send(await run(job));
});
process.once('disconnect', () => process.exit());

/**
 * A job is over when its first group has sent all its requests; what the others have under way is
 * still answered.
 *
 * @param job.groups each with its number of `connections` and its `requests`, the headers of which
 * are sent over and over until there were `count` of them (default: each once)
 * @param job.collect the name of a header of answers, in lower case; its values are returned in the
 * order of the requests
 */
async function run({ port, method = 'GET', path = '/me', body = '', groups, collect }) {
  const start = performance.now();
  const [first] = groups;
  const results = groups.map(({ requests, count = requests.length }) => ({
    requests,
    count,
    sent: 0,
    lastAt: start,
    latencies: [],
    statuses: {},
    collected: [],
  }));
  const length =
    body === '' ? '' : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  const opening = `${method} ${path} HTTP/1.1\r\nHost: localhost:${port}\r\n${length}`;
  const collected = collect && new RegExp(`\\r\\n${collect}: (.*)\\r\\n`, 'i');
  let isOver = false;

  const connections = groups.flatMap(({ connections }, index) =>
    Array.from({ length: connections }, async () => {
      const group = results[index];
      const connection = await takeConnection(port);
      const next = () => {
        if (isOver || group.sent === group.count) return undefined;
        const headers = group.requests[group.sent % group.requests.length];
        return { at: group.sent++, text: `${opening}${headers}\r\n\r\n${body}` };
      };
      await connection.drive(next, (head, at, sentAt) => {
        const status = head.slice(9, 12);
        group.lastAt = performance.now();
        group.latencies.push(group.lastAt - sentAt);
        group.statuses[status] = (group.statuses[status] ?? 0) + 1;
        if (collected) group.collected[at] = collected.exec(head)?.[1];
      });
      if (groups[index] === first) isOver = true;
      leaveConnection(port, connection);
    }),
  );
  await Promise.all(connections);
  return results.map(({ lastAt, latencies, statuses, collected }) => {
    const seconds = (lastAt - start) / 1000;
    const requests = latencies.length;
    latencies.sort((a, b) => a - b);
    const latencyAt = (share) => latencies[Math.floor(requests * share)];
    const [p50, p99] = [latencyAt(0.5), latencyAt(0.99)];
    return { requests, perSecond: requests / seconds, p50, p99, statuses, collected };
  });
}

/** By port: connections stay open from one job to the next, as those of a proxy do. */
const idle = new Map();

async function takeConnection(port) {
  for (;;) {
    const connection = idle.get(port)?.pop() ?? (await open(port));
    // A server that is gone may have had the same port.
    if (!connection.socket.destroyed) return connection;
  }
}

function leaveConnection(port, connection) {
  if (!idle.has(port)) idle.set(port, []);
  idle.get(port).push(connection);
}

async function open(port) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('latin1');
  await once(socket, 'connect');
  let received = '';
  let answered;
  socket.on('data', (chunk) => {
    received += chunk;
    const bodyAt = received.indexOf('\r\n\r\n') + 4;
    if (bodyAt < 4) return;
    const head = received.slice(0, bodyAt);
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1] ?? 0;
    if (received.length < bodyAt + Number(length)) return;
    received = '';
    answered(head);
  });
  // Its end is told by 'close'.
  socket.on('error', () => {});

  return {
    socket,
    /** Sends one request after the other, until there is none. */
    drive: (next, onAnswer) =>
      new Promise((resolve, reject) => {
        const closed = () => reject(new Error('the server closed a connection'));
        let current;
        let sentAt = 0;
        const send = () => {
          current = next();
          if (current === undefined) {
            socket.off('close', closed);
            resolve();
            return;
          }
          sentAt = performance.now();
          socket.write(current.text, 'latin1');
        };
        answered = (head) => {
          onAnswer(head, current.at, sentAt);
          send();
        };
        socket.once('close', closed);
        send();
      }),
  };
}
