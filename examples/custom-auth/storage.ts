/**
 * The storage of the identity provider: a map that outlives a restart of the provider with other
 * keys. A real provider has a database; its records have the expiry in themselves.
 */
import type { AdapterFactory, AdapterPayload } from './oidc-provider.js';

export function createStorage(): AdapterFactory {
  const records = new Map<string, AdapterPayload>();

  return function storageOf(model) {
    const keyOf = (id: string): string => `${model}:${id}`;
    function findBy(
      member: 'uid' | 'userCode',
      value: string,
    ): Promise<AdapterPayload | undefined> {
      const found = [...records].find(
        ([key, record]) => key.startsWith(keyOf('')) && record[member] === value,
      );
      return Promise.resolve(found?.[1]);
    }
    return {
      upsert(id, payload) {
        records.set(keyOf(id), payload);
        return Promise.resolve();
      },
      find: (id) => Promise.resolve(records.get(keyOf(id))),
      findByUid: (uid) => findBy('uid', uid),
      findByUserCode: (userCode) => findBy('userCode', userCode),
      consume(id) {
        const record = records.get(keyOf(id));
        if (record !== undefined) record.consumed = Math.floor(Date.now() / 1000);
        return Promise.resolve();
      },
      destroy(id) {
        records.delete(keyOf(id));
        return Promise.resolve();
      },
      revokeByGrantId(grantId) {
        for (const [key, record] of records) {
          if (key.startsWith(keyOf('')) && record.grantId === grantId) records.delete(key);
        }
        return Promise.resolve();
      },
    };
  };
}
