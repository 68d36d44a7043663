/**
 * The load, in a process of its own, started by run.js: connections that stay open, each with one
 * request under way at a time (a closed loop), sending tokens from a list in turn.
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
 * @param job.groups lists of tokens, each with its share of the connections
 * @param job.once whether a token is sent once: the run ends with the list
 */
async function run({ port, method = 'GET', path = '/me', groups, seconds, warmUpSeconds, once }) {
  const start = performance.now();
  const from = start + warmUpSeconds * 1000;
  const until = from + seconds * 1000;
  const results = groups.map(({ tokens }) => ({
    tokens,
    next: 0,
    answers: 0,
    latencies: [],
    statuses: {},
  }));
  let lastAt = from;

  const connections = groups.flatMap(({ connections }, index) =>
    Array.from({ length: connections }, async () => {
      const group = results[index];
      const connection = await takeConnection(port);
      const next = () => {
        if (performance.now() >= until) return undefined;
        if (once && group.next >= group.tokens.length) return undefined;
        const token = group.tokens[group.next++ % group.tokens.length];
        return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`;
      };
      await connection.drive(next, (status, sentAt) => {
        group.answers += 1;
        const now = performance.now();
        if (now < from || now > until) return;
        lastAt = now;
        group.latencies.push(now - sentAt);
        group.statuses[status] = (group.statuses[status] ?? 0) + 1;
      });
      leaveConnection(port, connection);
    }),
  );
  await Promise.all(connections);
  const elapsedSeconds = (lastAt - from) / 1000;
  return results.map(({ answers, latencies, statuses }) => {
    latencies.sort((a, b) => a - b);
    return {
      answers,
      requests: latencies.length,
      perSecond: latencies.length / elapsedSeconds,
      p99: latencies[Math.floor(latencies.length * 0.99)],
      statuses,
    };
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
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(received.slice(0, bodyAt))?.[1] ?? 0;
    if (received.length < bodyAt + Number(length)) return;
    const status = received.slice(9, 12);
    received = '';
    answered(status);
  });
  // Its end is told by 'close'.
  socket.on('error', () => {});

  return {
    socket,
    /** Sends one request after the other, until there is none. */
    drive: (next, onAnswer) =>
      new Promise((resolve, reject) => {
        const closed = () => reject(new Error('the server closed a connection'));
        let sentAt = 0;
        const send = () => {
          const request = next();
          if (request === undefined) {
            socket.off('close', closed);
            resolve();
            return;
          }
          sentAt = performance.now();
          socket.write(request, 'latin1');
        };
        answered = (status) => {
          onAnswer(status, sentAt);
          send();
        };
        socket.once('close', closed);
        send();
      }),
  };
}
