/**
 * The key pair of this browser, to which its tokens are bound. It is made once and kept in IndexedDB.
 * The private key cannot be exported: a script in the page can sign with it while the page is open,
 * and cannot take it away.
 */
import { generateKeyPair } from 'dpop';

export async function ownKeyPair() {
  const database = await openDatabase();
  // Made before the transaction, which ends as soon as it waits for something else. Of two tabs that
  // do this at once, both get the pair of the first.
  const candidate = await generateKeyPair('ES256');
  const store = database.transaction('keys', 'readwrite').objectStore('keys');
  const known = await resultOf(store.get('own'));
  if (known !== undefined) return known;
  await resultOf(store.put(candidate, 'own'));
  return candidate;
}

function openDatabase() {
  const opening = indexedDB.open('wallet', 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore('keys');
  return resultOf(opening);
}

function resultOf(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
