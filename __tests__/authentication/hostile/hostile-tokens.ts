/**
 * Every class of attack on JWTs that RFC 8725 and the published collections name, as tokens against
 * one target.
 */
import { algorithmAttacks } from './algorithms.js';
import { foreignKeyAttacks, type Attacker } from './foreign-keys.js';
import { formAttacks } from './forms.js';
import type { HostileToken, Target } from './hostile-token.js';
import { jsonAttacks } from './json.js';
import { signatureAttacks } from './signatures.js';

export async function hostileTokens(
  target: Target,
  attacker: Attacker,
): Promise<Readonly<Record<string, readonly HostileToken[]>>> {
  return {
    'the algorithm': algorithmAttacks(target),
    'a key of the attacker': foreignKeyAttacks(target, attacker),
    'the signature': signatureAttacks(target),
    'its JSON': jsonAttacks(target),
    'its form': await formAttacks(target),
  };
}
