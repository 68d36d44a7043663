/**
 * A real Redis Cluster for tests: three primaries on free loopback ports that share the slots.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { freePort, type RedisServer, startRedis } from './redis.js';

export interface RedisCluster {
  /** A primary each; the first has slots 0 to 5460, the second to 10922, the third the rest. */
  readonly nodes: readonly RedisServer[];
  /**
   * Begins to move a slot of the first node to the second, moves only the given keys, and leaves it
   * at that. @returns moves the rest back and closes the slot
   */
  openSlot(slot: number, movedKeys: readonly string[]): Promise<() => Promise<void>>;
  /** The index of the node that has the slot of a key. */
  nodeOf(key: string): Promise<number>;
  stop(): Promise<void>;
}

const SLOT_RANGES = [
  ['0', '5460'],
  ['5461', '10922'],
  ['10923', '16383'],
] as const;

/** @param args further arguments of each `redis-server` */
export async function startRedisCluster({
  args = [],
}: { readonly args?: readonly string[] } = {}): Promise<RedisCluster> {
  const nodes: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    const busPorts: string[] = [];
    for (const slots of SLOT_RANGES) {
      const busPort = String(await freePort());
      const node = await startRedis({
        args: [
          ...['--cluster-enabled', 'yes', '--cluster-port', busPort],
          ...['--cluster-announce-ip', '127.0.0.1', '--cluster-node-timeout', '2000'],
          ...args,
        ],
      });
      nodes.push(node);
      busPorts.push(busPort);
      await ask(node, ['CLUSTER', 'ADDSLOTSRANGE', ...slots]);
    }
    const [first, ...others] = nodes;
    if (first === undefined) throw new Error('no nodes');
    for (const [index, node] of others.entries()) {
      const busPort = busPorts[index + 1] ?? '';
      await ask(first, ['CLUSTER', 'MEET', '127.0.0.1', String(node.port), busPort]);
    }
    await Promise.all(nodes.map(untilWhole));
    return {
      nodes,
      async nodeOf(key) {
        const slot = Number(await ask(first, ['CLUSTER', 'KEYSLOT', key]));
        return SLOT_RANGES.findIndex(([, last]) => slot <= Number(last));
      },
      openSlot: (slot, movedKeys) => openSlot(nodes, String(slot), movedKeys),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function openSlot(
  [source, target]: readonly RedisServer[],
  slot: string,
  movedKeys: readonly string[],
): Promise<() => Promise<void>> {
  if (source === undefined || target === undefined) throw new Error('no nodes');
  const [sourceId, targetId] = [
    await ask(source, ['CLUSTER', 'MYID']),
    await ask(target, ['CLUSTER', 'MYID']),
  ];
  const migrate = (from: RedisServer, to: RedisServer, key: string): Promise<unknown> =>
    ask(from, ['MIGRATE', '127.0.0.1', String(to.port), key, '0', '1000']);
  await ask(target, ['CLUSTER', 'SETSLOT', slot, 'IMPORTING', JSON.parse(sourceId) as string]);
  await ask(source, ['CLUSTER', 'SETSLOT', slot, 'MIGRATING', JSON.parse(targetId) as string]);
  for (const key of movedKeys) await migrate(source, target, key);
  return async () => {
    const keys = JSON.parse(
      await ask(target, ['CLUSTER', 'GETKEYSINSLOT', slot, '1000']),
    ) as string[];
    // The source takes keys while it imports the slot that it owns.
    await ask(source, ['CLUSTER', 'SETSLOT', slot, 'STABLE']);
    for (const key of keys) await migrate(target, source, key);
    await ask(target, ['CLUSTER', 'SETSLOT', slot, 'STABLE']);
  };
}

/** Waits until a node knows of all the others and serves. */
async function untilWhole(node: RedisServer): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const info = await ask(node, ['CLUSTER', 'INFO']);
    if (info.includes('cluster_state:ok') && info.includes('cluster_size:3')) return;
    await sleep(100);
  }
  throw new Error('the cluster did not form within 20 s');
}

async function ask(node: RedisServer, command: string[]): Promise<string> {
  const client = await createClient({ url: node.url }).connect();
  try {
    return JSON.stringify(await client.sendCommand(command));
  } finally {
    client.destroy();
  }
}
