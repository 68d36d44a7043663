/**
 * Where the processor time of a server goes, by a CPU profile of itself. For `host.js`.
 */
import { Session } from 'node:inspector/promises';

const INTERVAL_MICROSECONDS = 200;
const DIST = new URL('../dist/', import.meta.url).href;
/** What a part of the package is called in the results: its room, or the file where it has none. */
const ROOM = /^([\w-]+)/;

export async function startProfile() {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_MICROSECONDS });
  await session.post('Profiler.start');
  return async function stop() {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    return sharesOf(profile);
  };
}

/**
 * By owner, the share of the samples in which the main thread did anything: by samples, because the
 * time between two of them is also that in which the machine stood still.
 */
function sharesOf({ nodes, samples }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((c) => [c, id])));
  const counts = {};
  let total = 0;
  for (const id of samples) {
    const owner = ownerOf(id);
    if (owner === undefined) continue;
    counts[owner] = (counts[owner] ?? 0) + 1;
    total += 1;
  }
  return Object.fromEntries(Object.entries(counts).map(([owner, count]) => [owner, count / total]));

  /** Node's own functions count for the file that called them. */
  function ownerOf(id) {
    for (let at = id; at !== undefined; at = parents.get(at)) {
      const { url, functionName } = byId.get(at).callFrame;
      if (functionName === '(idle)') return undefined;
      if (functionName === '(garbage collector)') return 'garbage collection';
      if (functionName === '(program)') return 'node';
      if (url.startsWith(DIST)) return `lib/${ROOM.exec(url.slice(DIST.length))[1]}`;
      if (url.includes('/node_modules/'))
        return /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)[1];
      if (url.startsWith('file:')) return 'the app';
    }
    return 'node';
  }
}
