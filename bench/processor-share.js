/**
 * What share of a server's processor time is spent in this package: by a CPU profile of the server
 * itself, so that it hardly depends on what else the machine does. For `host.js`.
 *
 * Left out is what has no owner: Express's own step to one more middleware, and garbage collection.
 */
import { Session } from 'node:inspector/promises';

const INTERVAL_MICROSECONDS = 200;
const PACKAGE = new URL('../dist/', import.meta.url).href;
const NOBODYS = ['(idle)', '(garbage collector)', '(program)'];

export async function startProfile() {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_MICROSECONDS });
  await session.post('Profiler.start');
  return async function stop() {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    return shareOf(profile);
  };
}

/** By the number of samples: the time between two of them is also that in which the machine stood still. */
function shareOf({ nodes, samples }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((c) => [c, id])));
  const count = { ours: 0, others: 0 };
  for (const id of samples) {
    const owner = ownerOf(id);
    if (owner !== undefined) count[owner] += 1;
  }
  return count.ours / (count.ours + count.others);

  /** Node's own functions count for whoever called them. */
  function ownerOf(id) {
    for (let at = id; at !== undefined; at = parents.get(at)) {
      const { url, functionName } = byId.get(at).callFrame;
      if (NOBODYS.includes(functionName)) return undefined;
      if (url.startsWith(PACKAGE) || url.includes('/node_modules/lru-cache/')) return 'ours';
      if (url.startsWith('file:')) return 'others';
    }
    return 'others';
  }
}
