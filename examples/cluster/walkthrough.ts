/**
 * The walkthrough: lines to paste into a shell, one after the other.
 */
export function walkthrough(api: string, issuer: string): string {
  return `Two processes listen on ${api} and share one Redis.

# Sign in: a one-time code, then an access token.
CODE=$(curl -s ${issuer}/auth/code --json '{"email":"ada@example.com"}' | sed 's/.*"code":"\\([0-9]*\\)".*/\\1/')
TOKEN=$(curl -s ${issuer}/auth/sign-in --json '{"email":"ada@example.com","code":"'$CODE'"}' | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')

# Both processes know the session: see "answeredBy" change.
curl -s ${api}/me -H "Authorization: Bearer $TOKEN"; echo
curl -s ${api}/me -H "Authorization: Bearer $TOKEN"; echo

# A protected operation asks for MFA: 403.
curl -s -X POST ${api}/transfers -H "Authorization: Bearer $TOKEN"; echo

# A wrong code is refused: 422. The right one, which the user's phone shows, holds in both: 201.
curl -s ${api}/mfa/verify -H "Authorization: Bearer $TOKEN" --json '{"code":"no"}'; echo
WALLET_USER=$(curl -s ${api}/me -H "Authorization: Bearer $TOKEN" | sed 's/.*"userId":"\\([^"]*\\)".*/\\1/')
PHONE=$(curl -s "${issuer}/demo/phone?user=$WALLET_USER")
curl -s ${api}/mfa/verify -H "Authorization: Bearer $TOKEN" --json '{"code":"'$PHONE'"}'; echo
curl -s -X POST ${api}/transfers -H "Authorization: Bearer $TOKEN"; echo
curl -s -X POST ${api}/transfers -H "Authorization: Bearer $TOKEN"; echo

# A code works once, whichever process is asked: 422.
curl -s ${api}/mfa/verify -H "Authorization: Bearer $TOKEN" --json '{"code":"'$PHONE'"}'; echo

# One process signs out, and both refuse: 401.
curl -s -X POST ${api}/sign-out -H "Authorization: Bearer $TOKEN"; echo
curl -s ${api}/me -H "Authorization: Bearer $TOKEN"; echo
curl -s ${api}/me -H "Authorization: Bearer $TOKEN"; echo
`;
}
