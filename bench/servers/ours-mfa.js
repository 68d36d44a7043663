import { memoryStore } from '../../dist/index.js';
import { mountWithMfa } from '../with-mfa.js';

export function mount(app, settings) {
  return mountWithMfa(app, settings, memoryStore());
}
