/** Shortens secrets: enough stays to tell two apart, and too little to use. */

const SECRET_HEADERS = /^(authorization|previous-access-token|x-mfa-challenge-id)$/i;
const SECRET_MEMBERS =
  /^(accessToken|code|secret|uri|challengeId|challenge|signature|authenticatorData|clientDataJSON|attestationObject|userHandle|publicKey|rawId|id)$/;
const MAX_CHARACTERS = 24;

export function shortenHeader(name, value) {
  if (!SECRET_HEADERS.test(name)) return value;
  const [, scheme = '', secret] = /^(Bearer )?(.*)$/.exec(value);
  return scheme + shortenSecret(secret);
}

/** A copy of a JSON value with its secrets shortened. */
export function shortenBody(value, name = '') {
  if (Array.isArray(value)) return value.map((item) => shortenBody(item, name));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([member, inner]) => [member, shortenBody(inner, member)]),
    );
  }
  return typeof value === 'string' && SECRET_MEMBERS.test(name) ? shortenSecret(value) : value;
}

export function shortenSecret(secret) {
  if (secret.length <= 8) return '•'.repeat(secret.length);
  const shown = secret.length > MAX_CHARACTERS ? 6 : 3;
  return `${secret.slice(0, shown)}…${secret.slice(-4)} (${secret.length} characters)`;
}
