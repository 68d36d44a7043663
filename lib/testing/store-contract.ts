/**
 * What every `SessionStore` has to do, a sentence and a test each, by `node:assert` alone.
 */
import { addTests } from './store-contract/additions.js';
import type { ContractTests } from './store-contract/contract-tests.js';
import { entryTests } from './store-contract/entries.js';
import { moveTests } from './store-contract/moves.js';
import { raiseTests } from './store-contract/raises.js';

export const storeContract: ContractTests = {
  ...entryTests,
  ...addTests,
  ...raiseTests,
  ...moveTests,
};
