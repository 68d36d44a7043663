/**
 * Reads the options of `cdpAuthentication()` and `customAuthentication()` into an issuer, and
 * collects every mistake.
 */
import type { DiscoverySource } from '../jwks/discovery.js';
import { parseJwks } from '../jwks/parse-jwks.js';
import { hasCredentials, isSafeAddress, jwksUriFault, parseAddress } from '../jwks/safe-address.js';
import { SIGNATURE_ALGORITHMS } from '../jwks/signature.js';
import { describe, OptionReader } from '../option-reader.js';
import { isNonEmptyString, isRecord } from '../type-guards.js';
import type { CdpAuthenticationOptions, ValidateAccessToken } from './cdp.js';
import type { CustomAuthenticationOptions } from './custom.js';
import type { CheckClaims, MfaScope } from './key-source.js';
import { mediaType } from './token-form.js';
import type { TokenIssuer, VerificationMethod } from './token-issuer.js';

/** The `iss` and the `aud` of CDP's tokens, the same for every CDP project. */
const CDP = 'cdp-api';

/** The options of both kinds. Each kind reads its own, so the others count as misspelt. */
type Options = Partial<
  Record<
    | keyof CdpAuthenticationOptions
    | 'validateAccessToken'
    | keyof CustomAuthenticationOptions
    | 'jwks'
    | 'jwksUri'
    | 'allowHttp'
    | 'fetch',
    unknown
  >
>;

/** Reads one authentication; mistakes go to `complaints`, and then the result is not to be used. */
export function parseAuthentication(given: unknown, complaints: string[]): TokenIssuer | undefined {
  if (!isRecord(given) || (given.authentication !== 'cdp' && given.authentication !== 'custom')) {
    complaints.push(
      `\`authentication\` must be made by cdpAuthentication() or customAuthentication(), or be an array of these, not ${describe(given)}.`,
    );
    return undefined;
  }
  const authentication = given.authentication;
  const before = complaints.length;
  const read = new OptionReader<Options>(
    `${authentication}Authentication()`,
    given.options ?? {},
    complaints,
  );
  const issuer = authentication === 'cdp' ? readCdp(read) : readCustom(read);
  read.end();
  return complaints.length > before ? undefined : issuer;
}

/** The `iss` of its tokens, even if other options are wrong. */
export function issuerNameOf(given: unknown): unknown {
  if (!isRecord(given)) return undefined;
  const { issuer } = isRecord(given.options) ? given.options : {};
  return issuer ?? (given.authentication === 'cdp' ? CDP : undefined);
}

function readCdp(read: OptionReader<Options>): TokenIssuer | undefined {
  const projectId = required(
    read,
    'projectId',
    'the id of your CDP project; without it the tokens of every other CDP project would pass',
  );
  const audience = read.value('audience') === undefined ? [CDP] : readAudience(read);
  const common = readCommon(read, ['ES256'], 'client');
  const validate = read.function<ValidateAccessToken>('validateAccessToken');
  const verification = readVerification(read, common.algorithms, validate, () => {
    refuseMissingKeys(read);
    return undefined;
  });
  const issuer = read.string('issuer', CDP);
  if (projectId === undefined || audience === undefined || verification === undefined)
    return undefined;
  return {
    ...common,
    authentication: 'cdp',
    issuer,
    audience,
    audienceClaim: 'aud',
    projectId,
    typ: undefined,
    userIdClaim: 'sub',
    // CDP publishes nothing of bound tokens.
    dpop: 'ignore',
    verification,
  };
}

function readCustom(read: OptionReader<Options>): TokenIssuer | undefined {
  const issuer = required(read, 'issuer', 'the `iss` of your access tokens, to the letter');
  const audience = readAudience(read);
  const common = readCommon(read, SIGNATURE_ALGORITHMS, 'user');
  const userIdClaim = read.string('userIdClaim', 'sub');
  const audienceClaim = read.string('audienceClaim', 'aud');
  const typ = read.string('typ');
  const dpop = read.choice('dpop', ['when-bound', 'required', 'ignore'], 'when-bound');
  const verification = readVerification(read, common.algorithms, undefined, (how) =>
    readDiscovery(read, issuer, how),
  );
  if (issuer === undefined || audience === undefined || verification === undefined)
    return undefined;
  return {
    ...common,
    authentication: 'custom',
    issuer,
    audience,
    audienceClaim,
    projectId: undefined,
    typ: typ === undefined ? undefined : mediaType(typ),
    userIdClaim,
    dpop,
    verification,
  };
}

function readCommon(
  read: OptionReader<Options>,
  defaultAlgorithms: readonly string[],
  defaultScope: MfaScope,
): Pick<TokenIssuer, 'algorithms' | 'sessionIdClaim' | 'mfaScope' | 'checkClaims'> {
  const algorithms = read.strings('algorithms') ?? defaultAlgorithms;
  for (const algorithm of algorithms) {
    if (!SIGNATURE_ALGORITHMS.includes(algorithm)) {
      read.complain(
        `\`algorithms\` may hold ${SIGNATURE_ALGORITHMS.join(', ')}: no secret-key algorithm, and never none.`,
      );
      break;
    }
  }
  return {
    algorithms: new Set(algorithms),
    sessionIdClaim:
      read.value('sessionIdClaim') === null ? null : read.string('sessionIdClaim', 'sid'),
    checkClaims: read.function<CheckClaims>('checkClaims'),
    mfaScope: read.choice('mfaScope', ['client', 'user'], defaultScope),
  };
}

function required(
  read: OptionReader<Options>,
  name: 'projectId' | 'issuer',
  what: string,
): string | undefined {
  if (read.value(name) === undefined) {
    read.complain(`\`${name}\` is missing: ${what}.`);
    return undefined;
  }
  return read.string(name);
}

function readAudience(read: OptionReader<Options>): readonly string[] | null | undefined {
  const audience = read.value('audience');
  if (audience === null) return null;
  if (audience === undefined) {
    read.complain(
      '`audience` is missing: name the audience of your API, or pass null to check none.',
    );
    return undefined;
  }
  return isNonEmptyString(audience) ? [audience] : read.strings('audience');
}

function readVerification(
  read: OptionReader<Options>,
  algorithms: ReadonlySet<string>,
  validate: ValidateAccessToken | undefined,
  otherwise: (how: Pick<DiscoverySource, 'fetch' | 'allowHttp'>) => VerificationMethod | undefined,
): VerificationMethod | undefined {
  const given = (['jwksUri', 'jwks'] as const).filter((name) => read.value(name) !== undefined);
  const givenFetch = read.function<typeof globalThis.fetch>('fetch');
  const allowHttp = read.boolean('allowHttp', false);
  const ways = [...given, ...(validate === undefined ? [] : ['validateAccessToken'])];
  if (ways.length > 1) {
    read.complain(`give one of \`${ways.join('` and `')}\`, not ${ways.length} at once.`);
    return undefined;
  }
  if (validate !== undefined) return { by: 'validateAccessToken', validate };
  if (given[0] === 'jwks') return readJwks(read, algorithms);
  // The global is looked up when keys are fetched, so that instrumentation that comes later counts.
  const fetch = givenFetch ?? ((input, init) => globalThis.fetch(input, init));
  if (given[0] === 'jwksUri') {
    const uri = readJwksUri(read, allowHttp);
    return uri && { by: 'jwksUri', uri, fetch };
  }
  return otherwise({ fetch, allowHttp });
}

/** CDP publishes no address of a JWKS, so it cannot be discovered. */
function refuseMissingKeys(read: OptionReader<Options>): void {
  read.complain(
    '`jwksUri` is missing: the address of the JWKS that your tokens are signed with (or give `jwks`, or for CDP `validateAccessToken`).',
  );
}

/** The address of the JWKS is in the issuer's metadata. */
function readDiscovery(
  read: OptionReader<Options>,
  issuer: string | undefined,
  { fetch, allowHttp }: Pick<DiscoverySource, 'fetch' | 'allowHttp'>,
): VerificationMethod | undefined {
  if (issuer === undefined) return undefined; // required() has added a complaint.
  const url = parseAddress(issuer);
  if (
    url !== undefined &&
    isSafeAddress(url, allowHttp) &&
    !hasCredentials(url) &&
    !/[?#]/.test(issuer)
  ) {
    return { by: 'discovery', issuer, fetch, allowHttp };
  }
  read.complain(
    '`issuer` must be an https: address (or http: on this machine, or http: with `allowHttp: true`), because the address of the JWKS is read from there. Else give `jwksUri`, or `jwks`.',
  );
  return undefined;
}

function readJwks(
  read: OptionReader<Options>,
  algorithms: ReadonlySet<string>,
): VerificationMethod | undefined {
  const keys = parseJwks(read.value('jwks'), algorithms);
  if (keys !== undefined) return { by: 'jwks', keys };
  read.complain(
    '`jwks` must be a JSON Web Key Set, { keys: [ … ] }, with at least one public key that `algorithms` can use.',
  );
  return undefined;
}

function readJwksUri(read: OptionReader<Options>, allowHttp: boolean): URL | undefined {
  const given = read.value('jwksUri');
  const fault = jwksUriFault(given, allowHttp);
  if (fault === undefined) return parseAddress(given);
  read.complain(`\`jwksUri\` ${fault}`);
  return undefined;
}
